"""A stand-in for マイナポータル: an OpenID provider and the portal application; no code of the connector's."""
