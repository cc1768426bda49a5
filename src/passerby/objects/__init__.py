"""Object stores (S3, Google, Azure) as places of files: read in ranges, written whole, through ``obstore``.

What is read stays in memory. Credentials and endpoints come from the environment, as ``obstore`` has it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
