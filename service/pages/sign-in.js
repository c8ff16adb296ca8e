// Signing in, a password, a key. The token of a one-time link stands behind the #, which no server sees before the
// button is pressed: what looks at links in mails does not use it up.
const $ = (id) => document.getElementById(id);
let csrf = "";

async function ask(method, path, body, headers = {}) {
  const answer = await fetch("/api/v1" + path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(told.detail);
  return told;
}

function tell(words, wrong = false) {
  $("told").textContent = words;
  $("told").classList.toggle("wrong", wrong);
}

function show(name) {
  for (const id of ["sign-in", "link", "inside"]) $(id).hidden = id !== name;
}

function enter(me, linked) {
  const then = new URLSearchParams(location.search).get("then") ?? "";
  if (!linked && then.startsWith("/projects/")) return location.replace(then);
  csrf = me.csrf;
  $("user").textContent = me.user;
  $("old").hidden = linked;
  show("inside");
  tell(linked ? "Set a password now: the link does not hold any longer." : "");
}

function on(id, event, act) {
  $(id).addEventListener(event, async (happened) => {
    happened.preventDefault();
    const fields = happened.target.elements ? Object.fromEntries(new FormData(happened.target)) : {};
    try {
      await act(fields);
    } catch (error) {
      tell(error.message, true);
    }
  });
}

on("sign-in", "submit", async (fields) => enter(await ask("POST", "/session", fields), false));
on("link", "submit", async () => {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  try {
    enter(await ask("POST", "/session", { token }), true);
  } catch (error) {
    show("sign-in");
    throw error;
  }
});
on("password", "submit", async (fields) => {
  await ask("PUT", "/session/password", fields);
  $("password").reset();
  show("sign-in");
  tell("The password is set. Sign in with it.");
});
on("key", "submit", async (fields) => {
  const project = { "Headhunt-Project": fields.project };
  const made = await ask("POST", "/keys", { name: fields.name }, project);
  $("secret").textContent = made.secret;
  tell("This key is shown this once: keep it.");
});
on("out", "click", async () => {
  await ask("DELETE", "/session");
  show("sign-in");
  tell("Signed out.");
});

addEventListener("hashchange", () => location.hash.length > 1 && location.reload());

(async () => {
  if (location.hash.length > 1) return show("link");
  try {
    const me = await ask("GET", "/session");
    if (me.user) return enter(me, false);
  } catch {
    // nobody is signed in
  }
  show("sign-in");
})();
