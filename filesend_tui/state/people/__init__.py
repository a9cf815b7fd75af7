"""The people of the screens: who they are, who goes on from earlier, who is remembered."""
