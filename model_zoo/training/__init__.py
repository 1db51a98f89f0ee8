"""Training of networks of the zoo: data sets, experiments, the training loop, evaluation."""
