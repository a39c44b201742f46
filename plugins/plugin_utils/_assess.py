# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The assessment: what a site asks for and what was seen of it, as one plain mapping that a report is made of."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import BAD_ANSWER, OPEN, UNTESTED
from ansible_collections.webrtc.firewall.plugins.plugin_utils import _assess_gateway, _assess_nat, _assess_summary
from ansible_collections.webrtc.firewall.plugins.plugin_utils._assess_evidence import Evidence, VantagePoint, read_evidence
from ansible_collections.webrtc.firewall.plugins.plugin_utils._checks import Plan, plan_for
from ansible_collections.webrtc.firewall.plugins.plugin_utils._choices import Choice
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import read_site_and_services
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis import Diagnosis, diagnose
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_endpoints import Judgement, judge
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_outcome import Calls, foresee
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_words import remedy
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Requirement, Way
from ansible_collections.webrtc.firewall.plugins.plugin_utils._targets import NAT
from ansible_collections.webrtc.firewall.plugins.plugin_utils._targets import PATH as TARGETS

VERSION = 1
VERIFICATION, CHANGE_REQUEST = "verification", "change_request"
_NOT_RUN = "no result came for it: it was not probed here"


def assess(
    services: Any,
    options: Mapping[str, Any],
    evidence: Any = None,
    targets: Any = None,
    time: Any = "",
    title: Any = "",
    inspection_issuers: Any = (),
) -> dict[str, Any]:
    """What a site asks for, and what was seen of it.

    Args:
        services: as in `compile_site`.
        options: the site's options by name.
        evidence: what the machines answered; none makes a change request of it.
        targets: the site's own servers, as in `_checks.plan`.
        time: when it was seen (ISO 8601), for people.
        title: what the assessment is called; may be empty.
        inspection_issuers: texts in the names of the site's own authorities that open TLS.

    Returns:
        The assessment, as docs/assessment.md describes it; without secrets.

    Raises:
        InvalidInput: with everything that is wrong in any argument.
    """
    check = Input()
    compiled = read_site_and_services(services, options, check)
    planned = plan_for(compiled, targets, check)
    seen = read_evidence(evidence, check)
    issuers = [check.text(item, where) for where, item in check.items(inspection_issuers or [], "inspection_issuers")]
    head = {"title": _text(title, "title", check), "time": _text(time, "time", check)}
    check.raise_if_any()
    return _Assessment(planned, seen, issuers).show(head)


def _text(value: Any, path: str, check: Input) -> str:
    return "" if value in (None, "") else check.text(value, path)


class _Assessment:
    """Puts one together; the evidence is None for a change request."""

    def __init__(self, plan: Plan, evidence: Evidence | None, issuers: Sequence[str]) -> None:
        self.plan, self.evidence, self.issuers = plan, evidence, issuers
        self.rows = {f"{row.service}/{row.id}": row for row in plan.compiled.requirements}
        self.aimed = {target.id for target in plan.targets}
        self.calls = {choice.service.name: self._calls(choice) for choice in plan.compiled.choices}

    def show(self, head: Mapping[str, str]) -> dict[str, Any]:
        """The whole of it."""
        seen = self.evidence or Evidence()
        judged = {point.name: self._judge(point) for point in seen.vantage_points}
        asked = _assess_gateway.endpoints((name, one) for found in judged.values() for name, some in found.items() for one in some)
        gateways = [_assess_gateway.show(gateway, asked, self.rows) for gateway in seen.gateways]
        points = [self._point(point, judged[point.name], gateways) for point in seen.vantage_points]
        services = [self._service(choice) for choice in self.plan.compiled.choices]
        kind = CHANGE_REQUEST if self.evidence is None else VERIFICATION
        return {
            "version": VERSION,
            "kind": kind,
            **head,
            "site": self._site(),
            "summary": _assess_summary.summary(kind, services, points, gateways),
            "services": services,
            "vantage_points": points,
            "gateways": gateways,
        }

    def _site(self) -> dict[str, Any]:
        site = self.plan.compiled.site
        frame = site.frame
        return {
            "tier": site.tier,
            "placement": frame.placement,
            "baseline": frame.baseline,
            "wildcards": site.wildcards,
            "families": list(frame.families),
            "sources": [*frame.sources_ipv4, *frame.sources_ipv6],
        }

    def _calls(self, choice: Choice) -> Calls:
        """What calls need of what the site chose; ways of which it left something out are none."""
        service = choice.service
        here = {row.id for row in choice.requirements()}

        def whole(name: str) -> str:
            return f"{service.name}/{name}"

        return Calls(
            prerequisites=[whole(name) for name in service.prerequisites if name in here],
            ladder=[Way(way.way, tuple(map(whole, way.needs)), way.quality) for way in service.ladder if here.issuperset(way.needs)],
            outcomes=service.outcomes,
            symptoms={whole(row.id): row.symptom for row in service.requirements},
        )

    def _service(self, choice: Choice) -> dict[str, Any]:
        service, calls = choice.service, self.calls[choice.service.name]
        policy = self.plan.compiled.policy
        flows = {flow.id: str(flow) for flow in policy.services.get(service.name, ())}
        return {
            "name": service.name,
            "title": service.title or service.name,
            "document": service.document,
            "requirements": [
                _requirement(row, flows.get(name, ""), policy.unsatisfied.get(name, ""))
                for name, row in self.rows.items()
                if row.service == service.name
            ],
            "prerequisites": list(calls.prerequisites),
            "ladder": [{"way": way.way, "needs": list(way.needs), "quality": way.quality} for way in calls.ladder],
        }

    def _judge(self, point: VantagePoint) -> dict[str, list[Judgement]]:
        """The results of each requirement, judged."""
        found: dict[str, list[Judgement]] = {}
        for result in point.results:
            if result["id"] in self.rows:
                found.setdefault(result["id"], []).append(judge(result, self.rows[result["id"]].ports, self.issuers))
        return found

    def _point(self, point: VantagePoint, judged: Mapping[str, list[Judgement]], gateways: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        found = {name: self._diagnose(name, judged.get(name, ()), point) for name in self.rows}
        remedies = {name: remedy(self.rows[name], one, self._places(point, one)) for name, one in found.items()}
        # Where nobody could ask, nothing is known of servers either.
        missing = () if point.error else {name for name in self.plan.untested if found[name].cause == UNTESTED}
        remedies.update({name: f"Name a server for {name} in {TARGETS}." for name in missing})
        return {
            "name": point.name,
            "error": point.error,
            "requirements": [
                {
                    "id": name,
                    "verdict": one.verdict,
                    "cause": one.cause,
                    "why": one.why,
                    "remedy": remedies[name],
                    "endpoints": [dict(judgement.result) for judgement in judged.get(name, ())],
                }
                for name, one in found.items()
            ],
            "services": [self._prospect(name, found, remedies) for name in self.calls],
            "nat": _assess_nat.show([result for result in point.results if result["id"] == NAT or result.get("kind") == NAT], gateways),
            "ignored": sorted({result["id"] for result in point.results} - {*self.rows, NAT}),
        }

    def _places(self, point: VantagePoint, found: Diagnosis) -> list[str]:
        """Whose doing it is that a requirement does not get through, as far as policy and gateways tell."""
        if not found.bad:
            return []
        unsatisfied = self.plan.compiled.policy.unsatisfied.get(found.id, "")
        seen = self.evidence or Evidence()
        shared = any(result["id"] == found.id for other in seen.vantage_points if other is not point for result in other.results)
        said = _assess_gateway.whose_doing(found, seen.gateways, shared, not unsatisfied)
        return [*([f"This site's own policy does not open all of it: {unsatisfied}."] if unsatisfied else []), *said]

    def _diagnose(self, name: str, judged: Iterable[Judgement], point: VantagePoint) -> Diagnosis:
        why = point.error or self.plan.untested.get(name) or _NOT_RUN
        return diagnose(name, judged, name not in self.aimed and any(one.listed for one in self.rows[name].checks), why)

    def _prospect(self, service: str, found: Mapping[str, Diagnosis], remedies: Mapping[str, str]) -> dict[str, Any]:
        mine = {name: one for name, one in found.items() if self.rows[name].service == service}
        prospect = foresee(self.calls[service], mine)
        # What calls fail by first, then the rest of what the vendor asks for.
        ordered = [*prospect.blame, *(name for name, one in mine.items() if one.cause not in (OPEN, UNTESTED, BAD_ANSWER) or one.bad)]
        return {
            "name": service,
            "outcome": prospect.outcome,
            "way": prospect.way,
            "ways": [{"way": way.way, "state": state, "needs": list(way.needs)} for way, state in prospect.ways],
            "users_notice": prospect.notice,
            "blame": list(prospect.blame),
            "change": list(dict.fromkeys(remedies[name] for name in ordered if remedies[name])),
        }


def _requirement(row: Requirement, rule: str, unsatisfied: str) -> dict[str, Any]:
    told = {key: getattr(row, key) for key in ("purpose", "tier", "group", "protocol", "application", "symptom", "source", "date", "note")}
    return {
        "id": f"{row.service}/{row.id}",
        **told,
        "destinations": row.destinations.texts(),
        "ports": [str(first) if first == last else f"{first}-{last}" for first, last in row.ports],
        "fallback_of": f"{row.service}/{row.fallback_of}" if row.fallback_of else "",
        "rule": rule,
        "unsatisfied": unsatisfied,
    }
