# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains below which anybody can have a name are no destinations; everybody's own domains are."""

from __future__ import annotations

import re

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.plugin_utils import _shared_domains
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site
from ansible_collections.webrtc.firewall.plugins.plugin_utils._destinations import read_destinations
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input

SHARED = """
com cloud local xn--p1ai com.au co.uk org.uk ac.uk gov.uk sch.uk me.uk co.jp ne.jp or.jp go.jp com.br gob.mx go.kr mil.br net.nz edu.au
co.com uk.com eu.org cloudfront.net
amazonaws.com amazonaws.com.cn eu-west-1.amazonaws.com s3.amazonaws.com s3-eu-west-1.amazonaws.com s3.us-gov-west-1.amazonaws.com
s3.dualstack.eu-central-1.amazonaws.com s3.cn-north-1.amazonaws.com.cn compute-1.amazonaws.com eu-west-1.compute.amazonaws.com
elb.amazonaws.com eu-west-1.elb.amazonaws.com elb.us-east-1.amazonaws.com execute-api.us-east-1.amazonaws.com
us-east-1.elasticbeanstalk.com eu-west-1.awsapprunner.com lambda-url.us-east-1.on.aws auth.us-east-1.amazoncognito.com
windows.net core.windows.net blob.core.windows.net web.core.windows.net z6.web.core.windows.net database.windows.net
azurewebsites.net westeurope-01.azurewebsites.net azureedge.net cloudapp.net cloudapp.azure.com westeurope.cloudapp.azure.com
azurefd.net z01.azurefd.net 2.azurestaticapps.net centralus.2.azurestaticapps.net trafficmanager.net
appspot.com uc.r.appspot.com web.app firebaseapp.com run.app a.run.app europe-west1.run.app googleusercontent.com
nyc3.digitaloceanspaces.com nyc3.cdn.digitaloceanspaces.com s3.us-west-004.backblazeb2.com
herokuapp.com github.io gitlab.io netlify.app vercel.app pages.dev workers.dev
akamaiedge.net akamaized.net edgekey.net edgesuite.net fastly.net global.ssl.fastly.net cdn.cloudflare.net
ngrok.io eu.ngrok.io trycloudflare.com duckdns.org
"""
# Of one owner, though some are below a shared domain, look like one, or are very large.
OWNED = """
livekit.cloud turn.livekit.cloud host.livekit.cloud vonage.com nexmo.com tokbox.com opentok.com liveavatar.com heygen.com twilio.com
agora.io daily.co zoom.us jitsi.net xirsys.com metered.ca t.co id.me web.de x.com co.example.com com.example.org vendor.co.uk
vendor.com.au calls.vendor.com.au vendor.github.io vendor.pages.dev d111111abcdef8.cloudfront.net vendor.s3.amazonaws.com
a1b2c3d4e5.execute-api.us-east-1.amazonaws.com kinesisvideo.eu-west-1.amazonaws.com vendor.blob.core.windows.net
vendor.azurewebsites.net vendor.westeurope.cloudapp.azure.com vendor.a.run.app vendor.fastly.net communication.azure.com google.com
notamazonaws.com xn--mnchen-3ya.example
"""


@pytest.mark.parametrize("domain", SHARED.split())
def test_a_domain_that_strangers_share_is_no_destination(domain: str) -> None:
    for written in (f"*.{domain}", f"*.{domain.upper()}."):
        row = {"id": "row", "destinations": ["192.0.2.1", written], "protocol": "tcp", "ports": [443]}
        with pytest.raises(InvalidInput) as caught:
            compile_site([], {"custom_services": [{"service": "own", "requirements": [row]}]})
        (problem,) = caught.value.problems
        assert problem.path == "webrtc_egress_custom_services[0].requirements[0].destinations[1]"
        assert f"got '{written}'" in str(problem)
        assert "anybody can have a name" in problem.expected
        assert "the vendor's own domain" in problem.remedy


@pytest.mark.parametrize("domain", [*OWNED.split(), f"{'a.' * 124}com"])
def test_a_domain_of_one_owner_is_a_destination(domain: str) -> None:
    for written in (f"*.{domain}", f"*.{domain.upper()}", f"*.{domain}."):
        check = Input()
        there = read_destinations([written], "there", {}, check)
        assert check.problems == []
        assert there.suffixes == (domain,)


@pytest.mark.parametrize("name", ["vendor.github.io", "d111111abcdef8.cloudfront.net", "example.co.uk", "co.uk"])
def test_one_host_may_live_anywhere(name: str) -> None:
    check = Input()
    assert read_destinations([name], "there", {}, check).hostnames == (name,)
    assert check.problems == []


def test_shared_domains_are_written_as_they_are_compared() -> None:
    written = [*_shared_domains.SHARED, *_shared_domains.REGIONAL]
    assert len(written) > 200
    assert [name for name in written if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name)] == []
