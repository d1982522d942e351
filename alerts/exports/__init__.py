"""The same rule for engines that judge by themselves: Watcher, OpenSearch, Kibana, ElastAlert2.

Each module is a pure function from a rule to what its engine is given. What an engine cannot say is refused
with the reason, never said in a weaker form.
"""
