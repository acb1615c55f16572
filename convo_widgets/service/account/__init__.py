"""The account's door: the REST API of a whole service. The nouns are those of the users' door; only words differ."""
