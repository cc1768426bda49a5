"""``python -m passerby.gateway.config [schema]``: prints the reference page, or the JSON Schema."""

from __future__ import annotations

import json
import sys

from passerby.gateway.config.reference import reference, schema

sys.stdout.write(json.dumps(schema(), indent=1) + "\n" if sys.argv[1:] == ["schema"] else reference())
