"""What of this machine's environment a process needs that fetches packages: certificates, and the way out."""

from __future__ import annotations

import os
from typing import Final

_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_CERT")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_REGISTRIES: Final = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX_URL")


def reaching_out() -> dict[str, str]:
    """Return the variables of this process that say how packages are reached, for one that is given nothing else.

    Where a machine has certificates, a proxy or a registry of its own, uv and pip fetch nothing without them.
    """
    names = (*_CERTIFICATES, *_PROXIES, *(name.lower() for name in _PROXIES), *_REGISTRIES)
    return {name: os.environ[name] for name in names if name in os.environ}
