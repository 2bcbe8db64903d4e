"""A stand-in for 医療機関用アプリ等 of several clinics, each with its terminal; no code of the connector's."""
