"""Who asks: an API key, or OAuth tokens that are renewed on the way.

https://developer.close.com/api/overview/api-key-authentication, .../oauth-authentication
"""

from urllib.parse import urljoin

from airbyte_cdk.sources.streams.http.requests_native_auth import SingleUseRefreshTokenOauth2Authenticator
from requests.auth import AuthBase, HTTPBasicAuth

from .config import Settings

TOKEN_PATH = "/oauth2/token/"  # noqa: S105 - a path
REFUSED_GRANTS = ("invalid_grant", "invalid_client", "unauthorized_client", "invalid_request")


def authenticator(settings: Settings) -> AuthBase:
    """Signs requests; shared by all streams of a sync.

    Close's refresh tokens are good for one use. The new ones go into the configuration and out as a CONTROL message at
    once, before the first request that needs them.
    """
    if settings.oauth is None:
        return HTTPBasicAuth(str(settings.api_key), "")
    return SingleUseRefreshTokenOauth2Authenticator(
        settings.oauth,
        urljoin(settings.base_url, TOKEN_PATH),
        refresh_token_error_status_codes=(400, 401, 403),
        refresh_token_error_key="error",  # noqa: S106 - a key of the answer
        refresh_token_error_values=REFUSED_GRANTS,
    )
