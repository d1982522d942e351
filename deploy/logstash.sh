#!/bin/bash
# Starts Logstash with the pipelines that were rendered, and the API key that was made for it. The settings go where the
# image keeps its own, whose other files stay.
set -eu
rendered=/etc/logstash/mlmon
cp "$rendered/logstash.yml" "$rendered/pipelines.yml" /usr/share/logstash/config/
# The second pipeline reads here, and may start before the first has made it.
mkdir -p /usr/share/logstash/data/dead_letter_queue/mlmon
MLMON_LOGSTASH_API_KEY=$(cat /key/logstash)
export MLMON_LOGSTASH_API_KEY
exec /usr/local/bin/docker-entrypoint
