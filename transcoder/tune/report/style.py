"""The page's style: one column on a phone, light and dark as the reader's system has it."""

CSS = """
:root{color-scheme:light dark;--ink:#1d2127;--soft:#5a6472;--paper:#fff;--card:#f4f6f8;
--rule:#d5dae1;--k0:#0b62c4;--k1:#b3261e;--k2:#1a7f37;--k3:#8b3fc1;--k4:#a15c00;--k5:#007a86;--hull:#1d2127}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaee;--soft:#a6afbb;--paper:#14171b;
--card:#1f242a;--rule:#3a424d;--k0:#6db3ff;--k1:#ff8a80;--k2:#67d187;--k3:#d0a0ff;


--k4:#ffb95c;--k5:#5fd3dd;--hull:#e8eaee}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main,header{max-width:70rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.5rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem}
p{max-width:46rem;margin:.5rem 0}
.soft,caption,figcaption{color:var(--soft)}
.warn{border-left:4px solid var(--k1);padding-left:.75rem}
.pair{display:grid;gap:1.5rem;align-items:start}
@media (min-width:60rem){.pair{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}}
.pair svg[role]{width:100%;max-width:36rem;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.line{fill:none;stroke-width:1;opacity:.6}
.hull{fill:none;stroke:var(--hull);stroke-width:2}
.mark{stroke-width:2}
.ring{fill:none;stroke:var(--hull);stroke-width:1.5;stroke-dasharray:3 2}
.k0{stroke:var(--k0)}.k1{stroke:var(--k1)}.k2{stroke:var(--k2)}
.k3{stroke:var(--k3)}.k4{stroke:var(--k4)}.k5{stroke:var(--k5)}
.mark.k0{fill:var(--k0)}.mark.k1{fill:var(--k1)}.mark.k2{fill:var(--k2)}.mark.k3{fill:var(--k3)}
.mark.k4,.mark.k5{fill:none}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;margin:.25rem 0}
.legend li{display:flex;align-items:center;gap:.25rem;color:var(--soft);font-size:.9rem}
.legend svg{width:1.5rem;height:1.5rem}
.wide{overflow-x:auto;border:1px solid var(--rule);border-radius:.5rem}
.wide:focus-visible,pre:focus-visible,
summary:focus-visible{outline:3px solid var(--k0);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.5rem .75rem;caption-side:top}
th,td{padding:.35rem .75rem;text-align:right;white-space:nowrap;border-top:1px solid var(--rule)}
thead th{background:var(--card);border-top:0}
th.t,td.t{text-align:left}
tbody th{font-weight:600;text-align:left}
pre{max-height:26rem;background:var(--card);border-radius:.5rem;padding:1rem;overflow:auto;font-size:.85rem}
summary{cursor:pointer;padding:.25rem 0}
.stills{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,18rem),1fr));gap:1rem}
figure{margin:0}
.stills img{width:100%;height:auto;display:block;border-radius:.5rem;background:var(--card)}
footer{max-width:70rem;margin:3rem auto 2rem;padding:0 1rem;color:var(--soft)}
"""
