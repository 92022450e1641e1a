"""Every error, under the names that existing code imports; the tree is drawn in `pixel_core.errors`."""

from pixel_core.errors import (  # isort: skip
    PixelAuthenticationError, PixelBadRequestError, PixelCancelledError, PixelClosedError, PixelConflictError,
    PixelConnectionError, PixelError, PixelFileChangedError, PixelJobTimeoutError, PixelLoginError,
    PixelMultipleUploadJobError, PixelNotFoundError, PixelPermissionError, PixelProtocolError, PixelProxyError,
    PixelRateLimitError, PixelServerError, PixelSettingsError, PixelStatusError, PixelStorageError, PixelTimeoutError,
    PixelUploadJobError, PixelValidationError,
)  # fmt: skip

__all__ = [
    "PixelAuthenticationError", "PixelBadRequestError", "PixelCancelledError", "PixelClosedError", "PixelConflictError",
    "PixelConnectionError", "PixelError", "PixelFileChangedError", "PixelJobTimeoutError", "PixelLoginError",
    "PixelMultipleUploadJobError", "PixelNotFoundError", "PixelPermissionError", "PixelProtocolError",
    "PixelProxyError", "PixelRateLimitError", "PixelServerError", "PixelSettingsError", "PixelStatusError",
    "PixelStorageError", "PixelTimeoutError", "PixelUploadJobError", "PixelValidationError",
]  # fmt: skip
