import { DEMO_LOGINS } from "/config.js";

import { auth, done, Refusal } from "../api.js";
import { demoCode } from "../demo_codes.js";
import { destination } from "../destination.js";
import { el, heading, say } from "../dom.js";
import { checkbox } from "../form.js";
import { otherSteps, stepForm, usable } from "../second_steps.js";
import { currentUser } from "../session.js";

/**
 * The second step of a login. `state` is that of the login page, with the `ident` that
 * was typed there.
 */
export const secondStep = {
  title: "second_step.title",
  async render({ navigate, state }) {
    if (currentUser()) {
      await navigate(destination(state), { replace: true });
      return null;
    }
    let methods;
    try {
      methods = usable((await done(auth.secondFactorMethods())).methods);
    } catch (error) {
      if (!isOver(error)) throw error;
      await startAgain();
      return null;
    }
    const card = el("section", { class: "card" });
    show(methods[0]);
    return card;

    function startAgain() {
      const notice = "second_step.over";
      return navigate("/auth/login", { replace: true, state: { ...state, notice } });
    }

    /** Wait for the second step. A login that has ended meanwhile begins again. */
    async function finish(step) {
      try {
        await done(step);
      } catch (error) {
        if (!isOver(error)) throw error;
        await startAgain();
        return;
      }
      await navigate(destination(state), { replace: true });
    }

    function show(method) {
      const others = methods.filter((other) => other !== method);
      const choose = (other) => {
        show(other);
        card.querySelector("input, button").focus();
      };
      card.replaceChildren(
        heading("second_step.title"),
        ...(method ? step(method) : [say("p", "second_step.none")]),
        ...otherSteps(others, choose).map((button) => el("p", { class: "aside" }, button)),
        el("p", { class: "aside" }, say("a", "second_step.cancel", { href: "/auth/login" })),
      );
    }

    function step(method) {
      const trust = checkbox("trust", {
        label: "second_step.trust",
        hint: "second_step.trust_hint",
      });
      const send = {
        code: (proof) => finish(auth.secondFactor({ ...proof, trust: trust.value() })),
        passkey: () => finish(auth.passkey.secondFactor({ trust: trust.value() })),
      };
      const { elements, code } = stepForm(method, send, { fields: [trust] });
      return method === "totp" ? [...elements, ...demoHelp(code, state)] : elements;
    }
  },
};

function isOver(error) {
  return error instanceof Refusal && error.has("login_not_pending");
}

/** The demo user has no authenticator app. This page plays it. */
function demoHelp(code, state) {
  const demo = DEMO_LOGINS.find(
    ({ username, email }) => state?.ident === username || state?.ident === email,
  );
  if (!demo?.totp_secret) return [];
  return [
    say("button", "second_step.demo", {
      type: "button",
      class: "button quiet",
      "data-testid": "demo-code",
      async onclick() {
        code.fill(await demoCode(demo.totp_secret));
        code.input.focus();
      },
    }),
  ];
}
