"""Fields that a person types into."""
