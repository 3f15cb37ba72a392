"""The commit protocol: propose, create if absent, look at the winners, propose again."""
