#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Two proxies that look into TLS, in the gateway; they touch nothing until rules redirect connections to them.
# Each signs with an authority of its own: /run/tls-proxies/{sslsplit,squid}.crt.
# 8443: sslsplit, which passes on whatever is inside. 8444: squid, which knows HTTP and nothing else.

set -euo pipefail
folder=/run/tls-proxies
squid=/etc/squid/squid.conf

mkdir -p "$folder"
cd "$folder"
for name in sslsplit squid; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/O=Example Office/CN=Example Office $name" -keyout $name.key -out $name.crt 2>/dev/null
    cat $name.crt $name.key >$name.pem
done

sslsplit -d -p "$folder/sslsplit.pid" -k sslsplit.key -c sslsplit.crt ssl 10.99.0.1 8443 ssl fd00:99::1 8443 >sslsplit.log 2>&1

/usr/lib/squid/security_file_certgen -c -s "$folder/certificates" -M 4MB >/dev/null
chown -R proxy: "$folder/certificates"
chmod 640 squid.pem
chgrp proxy squid.pem
cat >$squid <<END
http_port 3128
https_port 8444 intercept ssl-bump tls-cert=$folder/squid.pem generate-host-certificates=on
sslcrtd_program /usr/lib/squid/security_file_certgen -s $folder/certificates -M 4MB
sslcrtd_children 2 startup=2 idle=1
acl begin at_step SslBump1
ssl_bump peek begin
ssl_bump bump all
sslproxy_cert_error allow all
http_access allow all
dns_nameservers 198.51.100.2
cache deny all
access_log none
cache_log $folder/squid.log
pid_filename $folder/squid.pid
shutdown_lifetime 0 seconds
END
squid -f $squid >squid.out 2>&1
for port in 8443 8444; do
    for _try in $(seq 300); do
        [[ $(ss -Hltn "sport = :$port" | wc -l) -ge 1 ]] && continue 2
        sleep 0.1
    done
    echo "nothing listens on $port" >&2
    cat ./*.log >&2
    exit 1
done
