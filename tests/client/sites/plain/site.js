// A site without a build step: these four files are copies out of the package's dist/.
import { createClient } from "./vendor/django-ai-kit-auth.js";
import { messages } from "./vendor/messages.js";
import de from "./vendor/messages/de.js";
import en from "./vendor/messages/en.js";

const CATALOGS = { de, en };
const LINK_TEXTS = {
  activation: { done: "Your account is active.", used: "Your account is active already. Log in." },
  reset_password: { done: "You have a new password." },
  confirm_email: { done: "The address is yours.", used: "The address is yours already." },
};
const LINK_REFUSALS = [
  "activation_link_invalid",
  "reset_password_link_invalid",
  "email_change_link_invalid",
];

// The backend's links end in a slash before their query.
const path = location.pathname.replace(/(.)\/$/, "$1");
const dialog = testId("dialog");
const sections = [...document.querySelectorAll("main > section")];
let language = navigator.language.startsWith("de") ? "de" : "en";
// The last failure of each form, for the other language.
const failures = new Map();
// What onReauthenticate() waits for.
let answer = null;

const auth = createClient({
  baseUrl: document.querySelector("meta[name=auth-api]").content,
  language: () => language,
  onUser: show,
  onReauthenticate: () =>
    new Promise((resolve) => {
      answer = resolve;
      dialog.showModal();
    }),
  onUnauthenticated: () => {
    if (path !== "/auth/login") location.assign("/auth/login");
  },
});

/** What each form does; the result is a failure to show, or nothing. */
const ACTIONS = {
  async register(values) {
    const result = await auth.register(values);
    if (!result.ok) return result;
    tell(`A mail is on its way to ${values.email}.`);
  },
  async login(values) {
    const result = await auth.login(values);
    if (result.ok) return location.assign("/account");
    if (!result.secondFactor) return result;
    showSections("code");
  },
  async code({ code }) {
    const result = await auth.secondFactor({ method: "totp", code });
    if (!result.ok) return result;
    location.assign("/account");
  },
  async forgotPassword(values) {
    const result = await auth.sendPwResetEmail(values);
    if (!result.ok) return result;
    tell("If there is an account, a mail is on its way.");
  },
  async changeEmail({ new_email: email }) {
    const result = await auth.changeEmail({ email });
    if (!result.ok) return result;
    tell(`A mail is on its way to ${email}.`);
  },
  async rename(values) {
    const result = await auth.updateMe(values);
    if (!result.ok) return result;
    await auth.me();
    tell("Saved.");
  },
  async confirm({ confirm_password: password }) {
    // A wrong password is told here, and not by the form that needs it.
    const result = await auth.confirmPassword({ password });
    if (!result.ok) return { ...result, errors: { confirm_password: result.errors.password } };
    dialog.close();
    answer({ password });
  },
  async useLink(values) {
    const result = await link.submit(values);
    if (result.ok) return showLink("done");
    if (result.error === "activation_proof_required") return showLink("proof_required");
    if (LINK_REFUSALS.includes(result.error)) return showLink("invalid");
    return result;
  },
};

for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    failures.set(form, await ACTIONS[form.dataset.action](values));
    showFailures();
  });
}
for (const name of Object.keys(CATALOGS)) {
  testId(`language-${name}`).addEventListener("click", () => {
    language = name;
    showFailures();
  });
}
testId("try-again").addEventListener("click", load);
testId("cancel").addEventListener("click", () => {
  dialog.close();
  answer(null);
});
testId("logout").addEventListener("click", async () => {
  const result = await auth.logout();
  if (result.ok) location.assign("/");
});

showSections();
const purpose = document.querySelector("[data-purpose]")?.dataset.purpose;
// Takes the link out of the address.
const link = purpose && auth.link(purpose);
if (link) {
  const status = await link.status();
  showLink(status === "used" || status === "invalid" ? status : "ready");
}
await load();

async function load() {
  const result = await auth.me();
  testId("try-again").hidden = result.ok;
  if (result.ok) show(result.data.user);
  else testId("user").textContent = `unreachable: ${result.error}`;
}

function show(user) {
  testId("user").textContent = user ? user.username : "anonymous";
  testId("logout").hidden = !user;
  for (const section of document.querySelectorAll("[data-for]")) {
    section.hidden = (section.dataset.for === "user") !== Boolean(user);
  }
  const email = document.querySelector("[data-testid=email]");
  if (email) email.textContent = user?.email ?? "";
}

/** Keep those sections in the page that belong to its path, and to this step of it. */
function showSections(step) {
  for (const section of sections) {
    const belongs = section.dataset.path === path && section.dataset.step === step;
    if (belongs) document.querySelector("main").append(section);
    else section.remove();
    section.hidden = "for" in section.dataset;
  }
}

function showLink(state) {
  const texts = { invalid: "This link is wrong or too old.", ...LINK_TEXTS[purpose] };
  testId("link").dataset.state = state;
  testId("link").textContent = texts[state] ?? "";
  for (const form of document.querySelectorAll("[data-when]")) {
    form.hidden = form.dataset.when !== state;
  }
}

/** Write the sentences of the last failures below the fields they are about. */
function showFailures() {
  for (const old of document.querySelectorAll("[role=alert]")) old.remove();
  for (const [form, failure] of failures) {
    if (!failure) continue;
    const { fields, general } = messages(failure, { language: CATALOGS[language], fallback: en });
    for (const [name, sentences] of Object.entries(fields)) {
      alertAfter(form.elements[name]?.closest("p") ?? form.lastElementChild, `errors-${name}`, sentences);
    }
    alertAfter(form.lastElementChild, "errors", general);
  }
}

function alertAfter(element, id, sentences) {
  const line = document.createElement("p");
  line.role = "alert";
  line.dataset.testid = id;
  line.textContent = sentences.join(" ");
  element.after(line);
}

function tell(text) {
  testId("status").textContent = text;
}

function testId(name) {
  return document.querySelector(`[data-testid="${name}"]`);
}
