"""What a developer runs beside the tests: never installed, never imported by the product."""
