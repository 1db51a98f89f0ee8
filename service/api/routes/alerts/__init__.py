"""Routes of subscriptions to alerts."""
