"""A stand-in for Public Medical Hub and 医療保険者等向け中間サーバー behind it; no code of the connector's."""
