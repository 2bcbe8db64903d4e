"""`python -m gateway_vaccination_records.record_system --config FILE.toml`: the record system as a process."""

import sys

from gateway_vaccination_records.record_system import serve
from gateway_vaccination_records.record_system.app import Api

if __name__ == "__main__":
    parser = serve.arguments(
        "gateway_vaccination_records.record_system",
        "The record system (予診情報・予防接種記録管理システム): one sealed area per municipality, over mutual TLS.",
    )
    sys.exit(serve.main(parser.parse_args().config, lambda desks, limit: Api(desks).application(limit)))
