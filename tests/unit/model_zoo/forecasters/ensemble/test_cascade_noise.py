"""Noise of the cascade: variances as correlations are lost, and the same for a seed."""

import numpy as np
from scipy import fft

from model_zoo.forecasters import cascade_noise
from model_zoo.forecasters.cascade import Temporal

SHAPE = (48, 64)


def test_deviations_grow_from_the_innovation_of_a_step_to_all_of_the_variance() -> None:
    temporal = Temporal(10.0, np.array([0.95, 0.5]), np.array([0.88, 0.3]))
    leads = [5, 10, 20, 60, 120]
    weights = cascade_noise.noise_weights(temporal, leads)
    variance = (weights**2).sum(axis=1)
    # what the two frames before do not explain of the next one
    unexplained = [
        1 - np.array([lag1, lag2]) @ np.linalg.solve([[1, lag1], [lag1, 1]], [lag1, lag2])
        for lag1, lag2 in zip(temporal.lag1, temporal.lag2, strict=True)
    ]
    np.testing.assert_allclose(variance[1], unexplained)
    np.testing.assert_allclose(variance[0], np.array(unexplained) / 2)
    assert (np.diff(variance, axis=0) > 0).all()
    assert (variance < 1).all()
    # soon all of the small scale is unknown, and little of the large one
    assert variance[2, 0] < 0.4 < 0.8 < variance[2, 1]


def test_deviations_of_leads_are_correlated_as_the_process_is() -> None:
    temporal = Temporal(10.0, np.array([0.9]), np.array([0.81]))
    weights = cascade_noise.noise_weights(temporal, [50, 60])[:, :, 0]
    covariance = weights @ weights.T
    np.testing.assert_allclose(covariance[0, 1], 0.9 * covariance[0, 0])


def test_noise_of_a_step_and_field_does_not_depend_on_how_many_there_are() -> None:
    many = cascade_noise.white_spectra(SHAPE, 4, 3, seed=2**64 - 1)
    few = cascade_noise.white_spectra(SHAPE, 2, 1, seed=2**64 - 1)
    np.testing.assert_array_equal(few, many[:1, :2])
    fields = fft.irfft2(many, s=SHAPE)
    np.testing.assert_allclose(fields.std(axis=(2, 3)), 1, atol=0.1)
    pairs = np.corrcoef(fields.reshape(12, -1))
    assert abs(pairs - np.eye(12)).max() < 0.1


def test_general_structure_has_shorter_lives_for_smaller_scales() -> None:
    structure = cascade_noise.general_structure(SHAPE, 5.0)
    assert (np.diff(structure.temporal.lag1) < 0).all()
    assert (structure.temporal.lag1 > 0).all()
    assert structure.amplitude[0, 1] > structure.amplitude[0, -1] > 0
