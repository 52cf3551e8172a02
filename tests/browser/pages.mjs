// Every page of the console: looked at in both languages and themes, on a desk and on a phone. A page that is not in
// this list is not tested: add it.

/** Path, and who looks at it. `{alarm}` stands for an open alarm. */
export const PAGES = [
  { path: "/sign-in", who: null },
  { path: "/", who: "operator" },
  { path: "/?alarm={alarm}", who: "operator" },
  { path: "/watch/shift", who: "operator" },
  { path: "/watch/quality", who: "lead" },
  { path: "/watch/outage", who: "operator" },
  { path: "/watch/quarantine", who: "operator" },
  { path: "/watch/drill", who: "lead" },
  { path: "/wall", who: "operator" },
  { path: "/homes", who: "operator" },
  { path: "/homes/home-0001", who: "operator" },
  { path: "/homes/home-0001/routine", who: "operator" },
  { path: "/homes/no-such-home", who: "operator" },
  { path: "/plans", who: "operator" },
  { path: "/plans?home=home-0001", who: "operator" },
  { path: "/plans/lacking", who: "lead" },
  { path: "/plans/edit", who: "lead" },
  { path: "/plans/edit?kind=home&id=home-0001", who: "lead" },
  { path: "/rotas", who: "operator" },
  { path: "/rotas/edit", who: "lead" },
  { path: "/well-calls", who: "lead" },
];
