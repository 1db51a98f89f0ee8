"""One thread for torch: the fields of these tests are too small to share, and tests run beside each
other."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
