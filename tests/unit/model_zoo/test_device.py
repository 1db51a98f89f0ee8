"""Devices are checked before work begins on them."""

import pytest

from model_zoo.device import check_device
from model_zoo.errors import NoDevice


@pytest.mark.parametrize("name", ["quantum", "cuda:999", "cpu:x", "", "meta:"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(NoDevice, match="use cpu or auto"):
        check_device(name)


@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_a_device_that_is_there_is_taken(name: str) -> None:
    check_device(name)
