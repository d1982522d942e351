#!/bin/sh
# Makes one authority and a certificate for each server of the stack; what is good for 30 more days stays.
# Usage: certificates.sh AUTHORITY TRUST FOLDER...
#   AUTHORITY  folder of the authority's key, which nobody else mounts
#   TRUST      folder that gets ca.crt alone, for those that only connect
#   FOLDER     gets ca.crt, tls.crt and tls.key; its last part is the host's name. The one called logstash has them
#              also by the names that its rendered pipelines ask for.
# As root it gives the files to OWNER (default 1000, the user of every image of the stack).
set -eu
umask 077
authority=$1 trust=$2
shift 2
owner=${OWNER:-1000}
month_s=2592000

good() {
  openssl x509 -in "$1" -noout -checkend "$month_s" >/dev/null 2>&1
}

key() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

give() {
  if [ "$(id -u)" = 0 ]; then chown -R "$owner" "$1"; fi
}

if ! good "$authority/ca.crt" || [ ! -s "$authority/ca.key" ]; then
  key "$authority/ca.key"
  openssl req -x509 -new -key "$authority/ca.key" -sha256 -days 3650 -subj "/CN=mlmon stack" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$authority/ca.crt.new"
  mv "$authority/ca.crt.new" "$authority/ca.crt"
  echo "made the authority"
fi
cp "$authority/ca.crt" "$trust/ca.crt"
chmod 755 "$trust"
chmod 644 "$trust/ca.crt"
give "$trust"

for folder in "$@"; do
  name=${folder##*/}
  if good "$folder/tls.crt" && [ -s "$folder/tls.key" ] \
    && openssl verify -CAfile "$authority/ca.crt" "$folder/tls.crt" >/dev/null 2>&1; then
    continue
  fi
  key "$folder/tls.key.new"
  cat >"$folder/request.cnf" <<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$name,DNS:localhost,IP:127.0.0.1,IP:::1
END
  openssl req -new -key "$folder/tls.key.new" -subj "/CN=$name" -out "$folder/request.csr"
  openssl x509 -req -in "$folder/request.csr" -CA "$authority/ca.crt" -CAkey "$authority/ca.key" \
    -set_serial "0x$(openssl rand -hex 16)" -sha256 -days 800 -extfile "$folder/request.cnf" \
    -out "$folder/tls.crt.new" 2>/dev/null
  rm "$folder/request.cnf" "$folder/request.csr"
  cp "$authority/ca.crt" "$folder/ca.crt"
  if [ "$name" = logstash ]; then
    ln -sf tls.crt "$folder/server.pem"
    ln -sf tls.key "$folder/server.key"
    ln -sf ca.crt "$folder/clients-ca.pem"
    ln -sf ca.crt "$folder/cluster-ca.pem"
  fi
  give "$folder"
  # The certificate comes last: where this is ended half-way, the next start finds none, and begins anew.
  rm -f "$folder/tls.crt"
  mv "$folder/tls.key.new" "$folder/tls.key"
  mv "$folder/tls.crt.new" "$folder/tls.crt"
  echo "made a certificate for $name"
done
