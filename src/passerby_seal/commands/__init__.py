"""The commands of `passerby seal`."""
