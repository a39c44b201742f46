# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Whose certificate came: the vendor's, or that of something which opens TLS on the way.

A machine that its owner has taught to trust the inspecting product trusts its certificates too, so trust alone does not show it;
the issuer's name does.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

# Texts in the issuers' names of products that open TLS, as they ship; in lower case. An owner can give his certificate authority any
# name, such as his company's: those belong into the option inspection_issuers. None of these texts is in the name of an authority
# that browsers trust by themselves.
PRODUCTS = (
    "avast! web/mail shield",
    "avg web/mail shield",
    "barracuda",
    "bitdefender ca ssl",
    "bitdefender personal ca",
    "blue coat",
    "bluecoat",
    "burp",
    "cato networks",
    "charles proxy",
    "check point",
    "cisco umbrella",
    "contentkeeper",
    "do_not_trust_fiddlerroot",
    "eset ssl filter",
    "fireware https proxy",
    "forcepoint",
    "fortigate",
    "fortinet",
    "gateway ca - cloudflare managed",
    "iboss",
    "kaspersky anti-virus",
    "kaspersky web anti-virus",
    "lightspeed",
    "mcafee web gateway",
    "menlo security",
    "mitmproxy",
    "netskope",
    "goskope",
    "palo alto networks",
    "portswigger",
    "securly",
    "skyhigh security",
    "smoothwall",
    "sonicwall",
    "sophos",
    "squid proxy",
    "untangle",
    "watchguard",
    "web gateway",
    "websense",
    "zscaler",
)

# What OpenSSL says once the chain is found good (X509_V_ERR_IP_ADDRESS_MISMATCH, x509_vfy.c checks names after the chain is built).
_NOT_BY_ADDRESS = "IP address mismatch"


def inspector(issuer: str, own: Iterable[str]) -> str:
    """The text by which an issuer is known to open TLS; empty if it is not.

    Args:
        issuer: its name, as `_probe_x509` writes it.
        own: texts in the names of the site's own inspecting authorities.
    """
    folded = issuer.casefold()
    return next((text for text in (*own, *PRODUCTS) if text.casefold() in folded), "")


def certificate_of(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts of the certificate that came; empty if none did."""
    certificate = facts.get("certificate")
    return certificate if isinstance(certificate, Mapping) else {}


def judge(facts: Mapping[str, Any], own: Iterable[str]) -> tuple[str, str]:
    """What a certificate says: a cause and, in words, why; both empty where there is nothing to say against it.

    Args:
        facts: of a probe: ``certificate`` with ``issuer``, ``expired`` and ``not_after``; ``trusted`` and ``trust_error``.
        own: texts in the names of the site's own inspecting authorities.
    """
    certificate = certificate_of(facts)
    issuer, error = str(certificate.get("issuer") or ""), str(facts.get("trust_error") or "")
    known = inspector(issuer, own) if issuer else ""
    if known:
        return "inspection", f"the certificate is issued by {issuer}, which opens TLS on the way"
    if certificate.get("expired") is True:
        return "certificate-expired", f"the certificate, issued by {issuer}, expired on {certificate.get('not_after')}"
    if "not yet valid" in error:
        return "certificate-expired", f"the certificate, issued by {issuer}, is not valid yet: the clock of this machine is probably wrong"
    if error.startswith(_NOT_BY_ADDRESS):
        # Asked for by its address, a server shows a certificate for its name: the chain was good up to there.
        return "", ""
    if facts.get("trusted") is False:
        return "inspection", f"this machine does not trust the certificate, issued by {issuer or 'nobody'}{f' ({error})' if error else ''}"
    return "", ""
