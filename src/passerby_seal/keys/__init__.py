"""Keys of authorities, custodians and requesters, and who may open how: the policy of a seal."""
