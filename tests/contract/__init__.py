"""GitHub's REST contract, for tests of the client and of the sandbox."""

from tests.contract.contract import COMMON_ERROR_STATUSES, TRANSIENT_STATUSES, Contract, ContractViolation
from tests.contract.exchange import ContractMiddleware, assert_contract_kept, check_calls, check_exchange, session_hook

__all__ = [
    "COMMON_ERROR_STATUSES",
    "TRANSIENT_STATUSES",
    "Contract",
    "ContractMiddleware",
    "ContractViolation",
    "assert_contract_kept",
    "check_calls",
    "check_exchange",
    "session_hook",
]
