# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Domains below which anybody can have a name: to open all of such a domain is to open the firewall to everybody.

Kept by hand, and not the whole Public Suffix List (https://publicsuffix.org), which has some ten thousand entries and changes
every week. Here is the rule behind most of a registry's, and the domains of those who host others, where a vendor's name may
well lead. What is missing is not refused. A domain belongs here because strangers share it, never because it is merely large.
"""

from __future__ import annotations

import re

# What registries put between a country and the names that people register; each stands below many countries.
SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "gob", "go", "gouv", "gov", "govt", "mil", "ne", "net", "nom", "or", "org", "sch"))
_COUNTRY = re.compile("[a-z]{2}")

_SHARED = """
# What single registries have beside that, and companies that sell names as registries do.
asn.au id.au art.br blog.br eco.br ind.br tec.br tv.br firm.in gen.in ind.in ad.jp ed.jp gr.jp lg.jp pe.kr re.kr geek.nz gen.nz
kiwi.nz maori.nz school.nz in.th bel.tr biz.tr gen.tr info.tr web.tr idv.tw ltd.uk me.uk nhs.uk plc.uk police.uk law.za school.za web.za
ae.org br.com cn.com co.com com.de com.se de.com eu.com eu.org gb.net gr.com hu.net in.net jp.net jpn.com mex.com ru.com
sa.com se.net uk.com uk.net us.com us.org za.com

# Amazon, Microsoft, Google and others who rent machines and storage.
amplifyapp.com amazoncognito.com awsapprunner.com awsapps.com awsglobalaccelerator.com cloudfront.net elasticbeanstalk.com on.aws
azure-api.net azure-mobile.net azurecontainer.io azurecontainerapps.io azurecr.io azureedge.net azurefd.net z01.azurefd.net
azurehdinsight.net azurestaticapps.net azurewebsites.net p.azurewebsites.net scm.azurewebsites.net cloudapp.azure.com cloudapp.net
onmicrosoft.com sharepoint.com trafficmanager.net
appspot.com r.appspot.com cloud.goog cloudfunctions.net firebaseapp.com firebaseio.com gateway.dev googleusercontent.com
bc.googleusercontent.com hosted.app run.app storage.googleapis.com translate.goog web.app
aliyuncs.com bcebos.com myhuaweicloud.com myqcloud.com appdomain.cloud mybluemix.net oraclecloudapps.com
digitaloceanspaces.com cdn.digitaloceanspaces.com ondigitalocean.app linodeobjects.com linodeusercontent.com
ip.linodeusercontent.com members.linode.com nodebalancer.linode.com vultrobjects.com vultrusercontent.com
kasserver.com your-objectstorage.com your-server.de ovh.net cloud.ovh.net hosting.ovh.net scw.cloud backblazeb2.com wasabisys.com

# Those who run others' programs and pages.
aivencloud.com deno.dev edgeone.app fly.dev gigalixirapp.com herokuapp.com herokudns.com koyeb.app netlify.app northflank.app
now.sh onrender.com pages.dev platformsh.site railway.app up.railway.app repl.co replit.app replit.dev scalingo.io supabase.co
surge.sh upsun.app val.run vercel.app vercel.dev workers.dev
bitbucket.io codeberg.page gitbook.io github.dev github.io githubusercontent.com gitlab.io glitch.me readthedocs.io
blogspot.com canva.site carrd.co framer.app framer.website ghost.io myshopify.com notion.site square.site tumblr.com
typepad.com webflow.io weebly.com wixsite.com wordpress.com wpengine.com

# Those who deliver others' content.
akadns.net akamai.net akamaiedge.net akamaihd.net akamaiorigin.net akamaistream.net akamaized.net edgekey.net edgesuite.net
akamai-staging.net akamaiedge-staging.net akamaihd-staging.net akamaiorigin-staging.net akamaized-staging.net
edgekey-staging.net edgesuite-staging.net
b-cdn.net cachefly.net cdn.cloudflare.net cdn77.org cdn77-ssl.net cdngc.net edgecastcdn.net gcdn.co hwcdn.net impervadns.net
incapdns.net x.incapdns.net kxcdn.com llnwd.net llnwi.net stackpathcdn.com stackpathdns.com v0cdn.net
edgecompute.app fastly.net fastlylb.net freetls.fastly.net map.fastly.net global.ssl.fastly.net global.prod.fastly.net
a.ssl.fastly.net b.ssl.fastly.net

# Tunnels and names for changing addresses.
cfargotunnel.com devtunnels.ms lhr.life loca.lt localhost.run localtunnel.me pinggy.link serveo.net trycloudflare.com ts.net
ngrok.app ngrok.dev ngrok.io ngrok-free.app ngrok-free.dev ap.ngrok.io au.ngrok.io eu.ngrok.io in.ngrok.io jp.ngrok.io
sa.ngrok.io us.ngrok.io
ddns.net duckdns.org dyndns.org dynu.net hopto.org mooo.com myds.me myfritz.net nip.io no-ip.biz no-ip.org nsupdate.info
selfhost.de sslip.io synology.me sytes.net zapto.org
"""
# Where the label below names a region, so that customers begin one label further down.
_REGIONAL = """
awsapprunner.com on.aws azurecontainer.io azurecontainerapps.io cloudapp.azure.com r.appspot.com run.app aliyuncs.com myqcloud.com
appdomain.cloud digitaloceanspaces.com cdn.digitaloceanspaces.com linodeobjects.com vultrobjects.com backblazeb2.com wasabisys.com
"""
_REGION = r"[a-z]{2}(-[a-z]+)+-[0-9]"
# Domains that begin with any row of services and regions before it is somebody's own.
FAMILIES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"((({_REGION})|(airflow|compute|compute-1|dualstack|elb|execute-api|rds|s3|s3-accelerate|s3-accesspoint|s3-control|s3-website|vpce)"
        rf"(-{_REGION})?)\.)*amazonaws\.com(\.cn)?",
        rf"[a-z0-9-]+\.{_REGION}\.on\.aws",
        rf"(auth\.)?{_REGION}\.amazoncognito\.com",
        rf"{_REGION}\.elasticbeanstalk\.com",
        r"((core|blob\.core|dfs\.core|file\.core|queue\.core|table\.core|(z[0-9]+\.)?web\.core|database|documents|servicebus)\.)?windows\.net",
        r"([a-z]+[0-9]?\.)?[0-9]\.azurestaticapps\.net",
        r"[a-z]+[0-9]?-[0-9]{2}\.azurewebsites\.net",
        r"s3\.[a-z0-9-]+\.(backblazeb2|wasabisys)\.com",
        r"cos\.[a-z0-9-]+\.myqcloud\.com",
    )
)


def _words(text: str) -> frozenset[str]:
    """The words of a text, without its comments."""
    return frozenset(word for line in text.splitlines() for word in line.partition("#")[0].split())


SHARED, REGIONAL = _words(_SHARED), _words(_REGIONAL)


def is_shared(domain: str) -> bool:
    """Whether anybody can have a name directly below a domain, which is given in lower case and without a dot at either end."""
    first, _dot, rest = domain.partition(".")
    registry = first in SECOND_LEVEL and bool(_COUNTRY.fullmatch(rest))
    return not rest or registry or domain in SHARED or rest in REGIONAL or any(family.fullmatch(domain) for family in FAMILIES)
