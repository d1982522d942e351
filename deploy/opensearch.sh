#!/bin/bash
# Starts OpenSearch with two users of our own in place of the demo's: the administrator, and its dashboards' server.
# Security reads them into its index at the very first start; after that the index holds.
set -eu -o pipefail
home=/usr/share/opensearch

hashed() {
  bash "$home/plugins/opensearch-security/tools/hash.sh" -env "$1" | tail -n 1
}

admin=$(hashed OPENSEARCH_PASSWORD)
dashboards=$(hashed DASHBOARDS_PASSWORD)
cat >"$home/config/opensearch-security/internal_users.yml" <<END
_meta: {type: internalusers, config_version: 2}
admin: {hash: "$admin", reserved: true, backend_roles: [admin]}
kibanaserver: {hash: "$dashboards", reserved: true}
END
unset OPENSEARCH_PASSWORD DASHBOARDS_PASSWORD
exec "$home/opensearch-docker-entrypoint.sh" opensearch
