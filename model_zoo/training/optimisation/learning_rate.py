"""Learning rate schedules, as functions of the step, so that resuming needs no state."""

import math

from model_zoo.training.experiment import Optimiser


def learning_rate(settings: Optimiser, step: int, steps: int) -> float:
    """Return the learning rate at a step, counted from 0, of a training of `steps` steps.

    It rises linearly during warm-up, then is constant or decays as half a cosine to the floor
    (Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983, without restarts).
    """
    if step < settings.warm_up:
        return settings.rate * (step + 1) / settings.warm_up
    if settings.schedule == "constant":
        return settings.rate
    done = (step - settings.warm_up) / max(steps - settings.warm_up, 1)
    share = settings.floor + (1 - settings.floor) * (1 + math.cos(math.pi * done)) / 2
    return settings.rate * share
