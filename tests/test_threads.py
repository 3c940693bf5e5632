"""One BLAS thread for a while."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from parlin._threads import one_blas_thread


def threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.parametrize("number", [1, 2])
def test_blas_has_one_thread_inside_and_the_old_number_afterwards(number):
    with threadpool_limits(number, user_api="blas"):
        before = threads()
        with one_blas_thread():
            assert set(threads()) == {1}
        assert threads() == before
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            raise ZeroDivisionError
        assert threads() == before
