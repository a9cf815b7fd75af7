"""Contacts: people who are remembered, and meet again without a code. Not what they then do."""
