# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The look of the page: one style sheet, which the page's own policy of content knows by its hash.

Every pair of colours has a contrast of at least 4.5:1 in light and in dark (WCAG 2.2, criterion 1.4.3), and what a colour says,
a word beside it says too.
"""

from __future__ import annotations

STYLE = """
:root { color-scheme: light; --page: #ffffff; --text: #1b1f24; --soft: #4c545d; --line: #c4cad1; --panel: #f4f6f8; --link: #0a4ea3;
  --good: #0b5a2b; --good-back: #dcf3e3; --bad: #8f1313; --bad-back: #fde3e1; --odd: #641a86; --odd-back: #f3e3fa;
  --warn: #6b4700; --warn-back: #fdeecb; --none: #41474e; --none-back: #e8ebee; }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; --page: #14171a; --text: #e6e9ec; --soft: #aab2ba;
  --line: #454d55; --panel: #1d2226; --link: #8ebfff; --good: #9be5b3; --good-back: #143a22; --bad: #ffb4ae; --bad-back: #4a1715;
  --odd: #e2b3f7; --odd-back: #3c1850; --warn: #ffd98a; --warn-back: #423006; --none: #c6ccd2; --none-back: #30363c; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 76rem; padding: 0 1rem 3rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1, h2, h3, h4 { line-height: 1.25; margin: 1.5rem 0 .5rem; text-wrap: balance; }
h1 { font-size: 1.75rem; } h2 { font-size: 1.3rem; margin-top: 2.5rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.1rem; } h4 { font-size: 1rem; }
p, ul, ol, dl { margin: .5rem 0; } li { margin: .25rem 0; }
a { color: var(--link); } a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link);
  outline-offset: 2px; }
code, pre { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .9em; }
.soft { color: var(--soft); } small { font-size: .85rem; }
.panel { background: var(--panel); border: 1px solid var(--line); border-left-width: .5rem; border-radius: .4rem; padding: .75rem 1rem;
  margin: 1rem 0; }
.panel.good { border-left-color: var(--good); } .panel.bad { border-left-color: var(--bad); }
.headline { font-size: 1.2rem; font-weight: 600; margin: .25rem 0; }
.badge { display: inline-block; border: 1px solid currentColor; border-radius: .3rem; padding: 0 .45rem; font-size: .875rem;
  font-weight: 600;
  line-height: 1.5; white-space: nowrap; background: var(--none-back); color: var(--none); }
.badge.good { background: var(--good-back); color: var(--good); } .badge.bad { background: var(--bad-back); color: var(--bad); }
.badge.odd { background: var(--odd-back); color: var(--odd); } .badge.warn { background: var(--warn-back); color: var(--warn); }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; padding: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: .4rem; padding: .25rem 1rem .75rem; min-width: 0; } .card h3 { margin-top: .75rem; }
.plain { list-style: none; padding: 0; } .plain > li { margin: .6rem 0; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; min-width: 100%; }
caption { text-align: left; font-weight: 600; padding: .25rem 0 .5rem; }
th, td { border: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top;
  overflow-wrap: break-word; max-width: 30rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
thead th { background: var(--panel); } th { font-weight: 600; } th[scope=rowgroup] { background: var(--panel); }
.matrix th[scope=row] { position: sticky; left: 0; background: var(--page); max-width: 18rem; min-width: 9rem; font-weight: 400; }
.matrix td { min-width: 7.5rem; } .matrix td small { display: block; }
.wide td { min-width: 5rem; } .places { list-style: none; margin: 0; padding: 0; } .places li { margin: 0; }
.flows td { min-width: 11rem; } .flows td:nth-of-type(3) { min-width: 7rem; }
.findings td { min-width: 11rem; } .findings td:nth-of-type(1) { min-width: 0; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: 0 .75rem; }
summary { cursor: pointer; padding: .45rem 0; font-weight: 600; color: var(--link); }
dl.facts { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .15rem 1rem; } dl.facts dt { color: var(--soft); }
  dl.facts dd { margin: 0; min-width: 0; }
td dl.facts { font-size: .9rem; margin: 0; min-width: 18rem; }
.point { border-left: .25rem solid var(--line); padding-left: .9rem; margin: 1rem 0; }
.log { list-style: none; padding: 0; } .log li { border-bottom: 1px solid var(--line); padding: .25rem 0; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .75rem; }
@media (max-width: 40rem) { body { padding: 0 .75rem 2rem; } h1 { font-size: 1.4rem; } .matrix th[scope=row] { min-width: 7.5rem;
  max-width: 8.5rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: .4rem; } td dl.facts { min-width: 14rem; } }
@media (forced-colors: active) { .panel, .point { border-left-color: CanvasText; } }
@media print { @page { margin: 14mm 12mm; } body { max-width: none; padding: 0; font-size: 9.5pt; } nav { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; display: block; } summary { color: var(--text); }
  .scroll { overflow: visible; padding-right: 1px; } table { width: 100%; min-width: 0; font-size: 8.5pt; }
  th, td { padding: .2rem .35rem; }
  .flows td:nth-of-type(1), .flows td:nth-of-type(5) { overflow-wrap: anywhere; min-width: 28mm; }
  .flows td:nth-of-type(4) { min-width: 28mm; }
  .wide th, .wide td, .findings td { overflow-wrap: anywhere; } .wide th[scope=row] { min-width: 8rem; }
  .matrix th[scope=row], .matrix td, .wide td, .findings td, td dl.facts { position: static; min-width: 0; }
  .flows td:nth-of-type(3) { min-width: 22mm; }
  td dl.facts { display: block; font-size: 8pt; } small { font-size: 8pt; } code { font-size: .95em; }
  td dl.facts dt { float: left; margin-right: .5em; }
  .badge { white-space: normal; font-size: 8.5pt; }
  .badge, .panel, thead th { print-color-adjust: exact; -webkit-print-color-adjust: exact; } a { color: inherit; text-decoration: none; }
  h2, h3, h4, caption, summary { break-after: avoid; } tr, .card, .panel, li { break-inside: avoid; } }
"""
