"""From rows of the ledger to scores."""
