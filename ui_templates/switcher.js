// The team switcher: an app of Airflow's UI (destination "base"), loaded on every page, without a build step.
// Airflow shares React, ReactDOM and Chakra UI as globals, and takes what this file leaves in globalThis.

const { Component, Fragment, createElement: h, useEffect, useState } = globalThis.React;
const { createPortal } = globalThis.ReactDOM;
const { Alert, Box, Button, Input, Menu, Portal } = globalThis.ChakraUI;

const NAV = '[data-testid="nav-sidebar"]';
const SIDEBAR = `${NAV} > :first-child`;
const OURS = "team-switcher";
const ALL = "All teams";
const EVERY = "*"; // no team is called that, and the menu takes an empty value for none
const SEARCH_FROM = 11;
const WAIT_FOR_SIDEBAR = 3000;
let known = null; // what was answered last: Airflow mounts this app anew on some of its pages
const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(`team-rbac ${document.baseURI}`) : null;
const named = (team) => team ?? ALL;

async function ask(path, init) {
  const answer = await fetch(new URL(`team-rbac/api/${path}`, document.baseURI), init);
  if (!answer.ok) {
    const { detail } = await answer.json().catch(() => ({}));
    throw new Error(typeof detail === "string" ? detail : `Airflow answered ${answer.status}.`);
  }
  return answer.json();
}

async function switchTo(team) {
  await ask("active-team", {
    body: JSON.stringify({ team }),
    headers: { "Content-Type": "application/json", "X-Team-RBAC": "switcher" },
    method: "POST",
  });
  channel?.postMessage(team);
}

// A place in Airflow's sidebar, below the logo. Airflow names none for plugins: false where there is none.
function useSidebar() {
  const [place, setPlace] = useState(null);
  useEffect(() => {
    const mine = document.createElement("div");
    mine.dataset.testid = OURS;
    Object.assign(mine.style, { display: "flex", justifyContent: "center", width: "100%" });
    const stand = () => {
      const sidebar = document.querySelector(SIDEBAR);
      if (sidebar && mine.parentElement !== sidebar) {
        sidebar.insertBefore(mine, sidebar.children[1] ?? null);
        setPlace(mine);
      }
      return Boolean(sidebar);
    };
    const watch = new MutationObserver(stand);
    watch.observe(document.body, { childList: true, subtree: true });
    const late = setTimeout(() => stand() || setPlace(false), WAIT_FOR_SIDEBAR);
    stand();
    return () => {
      clearTimeout(late);
      watch.disconnect();
      mine.remove();
    };
  }, []);
  return place;
}

// What Airflow's own buttons of the sidebar look like, in whichever theme. Whoever may see little has them at its foot alone.
function useNavStyle(place) {
  const buttons = place ? [...document.querySelectorAll(`${NAV} button:not([aria-current])`)] : [];
  const model = buttons.find((button) => !button.closest(`[data-testid="${OURS}"]`));
  return { button: model?.className.replace("chakra-menu__trigger", ""), label: model?.querySelector("div")?.className };
}

const people = (
  h("svg", { "aria-hidden": true, fill: "none", stroke: "currentColor", strokeWidth: 2, style: { height: "1.25rem", width: "1.25rem" }, viewBox: "0 0 24 24" },
    h("circle", { cx: 9, cy: 8, r: 3.5 }),
    h("path", { d: "M2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.8a3.5 3.5 0 0 1 0 6.4M18.5 14.5c1.9.9 3 2.9 3 5.5" }))
);

const clamped = { display: "-webkit-box", maxWidth: "100%", overflow: "hidden", overflowWrap: "anywhere", textOverflow: "ellipsis", WebkitBoxOrient: "vertical", WebkitLineClamp: 2, lineHeight: 1.2, whiteSpace: "normal" };

function Face({ style, team }) {
  return [people, h("div", { className: style.label, key: "label", style: clamped }, named(team))];
}

function Switcher({ me, onSwitch, place }) {
  const [wanted, setWanted] = useState("");
  const style = useNavStyle(place);
  const face = h(Face, { style, team: me.sees_more ? me.active_team : me.teams[0] });
  if (!me.sees_more) {
    return h("div", { "aria-label": `Team: ${me.teams[0]}`, className: style.button, role: "note", style: { cursor: "default" }, title: me.teams[0] }, face);
  }
  const search = me.teams.length >= SEARCH_FROM;
  const shown = me.teams.filter((team) => team.toLowerCase().includes(wanted.toLowerCase()));
  const item = (team) =>
    h(Menu.RadioItem, { key: named(team), style: { overflowWrap: "anywhere" }, value: team ?? EVERY }, named(team), h(Menu.ItemIndicator));
  return h(Menu.Root, { onOpenChange: ({ open }) => open || setWanted(""), positioning: { placement: "right-start" } },
    h(Menu.Trigger, { asChild: true },
      h("button", { "aria-label": `Team: ${named(me.active_team)}. Switch team`, className: style.button, title: named(me.active_team), type: "button" }, face)),
    h(Portal, null,
      h(Menu.Positioner, null,
        h(Menu.Content, { "aria-label": "Teams", maxHeight: "70vh", maxWidth: "22rem", overflowY: "auto" },
          search && h(Box, { key: "search", padding: 1 },
            h(Input, {
              "aria-label": "Search teams",
              onChange: (event) => setWanted(event.target.value),
              // The menu takes letters for itself, to jump to the item that begins with them.
              onKeyDown: (event) => ["ArrowDown", "ArrowUp", "Enter", "Escape", "Tab"].includes(event.key) || event.stopPropagation(),
              placeholder: "Search teams",
              size: "sm",
              value: wanted,
            })),
          h(Menu.RadioItemGroup, { onValueChange: ({ value }) => onSwitch(value === EVERY ? null : value), value: me.active_team ?? EVERY },
            wanted === "" && item(null),
            shown.map(item)),
          shown.length === 0 && h(Box, { color: "fg.muted", padding: 2 }, "No team of yours is called that.")))));
}

function Notice({ action, children, status = "info" }) {
  return h(Alert.Root, { flexShrink: 0, marginBottom: 2, role: "status", status, width: "auto" },
    h(Alert.Indicator),
    h(Alert.Content, { alignItems: "center", display: "flex", flexDirection: "row", flexWrap: "wrap", gap: 3 },
      h(Box, { flex: "1 1 14rem", overflowWrap: "anywhere" }, children),
      action && h(Button, { onClick: action.run, size: "sm", variant: "outline" }, action.label)));
}

function Teams({ dagId }) {
  const [me, setMe] = useState(known);
  const [elsewhere, setElsewhere] = useState();
  const [failed, setFailed] = useState(null);
  const place = useSidebar();
  const needed = dagId ?? null;
  useEffect(() => {
    if (me && needed === null) return undefined;
    let current = true;
    ask(needed === null ? "me" : `me?dag_id=${encodeURIComponent(needed)}`).then(
      (found) => current && setMe((known = { ...found, dag: needed })),
      (error) => console.warn("The team switcher stays away:", error),
    );
    return () => { current = false; };
  }, [needed]);
  useEffect(() => {
    const hear = ({ data }) => setElsewhere(data);
    channel?.addEventListener("message", hear);
    return () => channel?.removeEventListener("message", hear);
  }, []);
  if (!me) return null;

  const go = (team, then) =>
    team === me.active_team ? undefined : switchTo(team).then(then, (error) => setFailed(`The team was not switched. ${error.message}`));
  // Every page is asked for anew, since the UI keeps answers for minutes. From a Dag it goes to the list of Dags.
  const leave = () => (needed === null ? location.reload() : location.assign(new URL("dags", document.baseURI)));
  const dagTeam = me.dag === needed ? me.dag_team : null;
  const isForeign = me.active_team !== null && dagTeam && dagTeam !== me.active_team && me.teams.includes(dagTeam);
  const hasNone = me.teams.length === 0 && !me.sees_more;
  const switcher = me.teams.length > 0 && h(Switcher, { me, onSwitch: (team) => go(team, leave), place });

  return h(Fragment, null,
    switcher && place && createPortal(switcher, place),
    switcher && place === false && h(Box, { "data-testid": "team-switcher-bar", display: "flex", marginBottom: 2 }, switcher),
    failed && h(Notice, { status: "error" }, failed),
    elsewhere !== undefined && elsewhere !== me.active_team &&
      h(Notice, { action: { label: "Reload", run: () => location.reload() } }, `Switched to ${named(elsewhere)} in another tab.`),
    isForeign &&
      h(Notice, { action: { label: `Switch to ${dagTeam}`, run: () => go(dagTeam, () => location.reload()) } },
        `This Dag belongs to ${dagTeam}; you are working in ${me.active_team}.`),
    hasNone &&
      h(Notice, { status: "warning" },
        `You are in no team yet, so there is nothing to see here. `,
        me.groups.length > 0 ? `Your groups: ${me.groups.join(", ")}. ` : "Your identity provider names no groups of yours. ",
        me.contact ? `For access, ask ${me.contact}.` : "For access, ask whoever runs this Airflow."));
}

// An app that throws blanks the whole UI.
class Boundary extends Component {
  state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  componentDidCatch(error) {
    console.error("The team switcher failed:", error);
  }
  render() {
    return this.state.failed ? null : this.props.children;
  }
}

globalThis.TeamSwitcher = (props) => h(Boundary, null, h(Teams, props));
