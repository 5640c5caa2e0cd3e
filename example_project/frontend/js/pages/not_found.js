import { buttonLink, el, heading, say } from "../dom.js";

/** Every address that no other page has. */
export const notFound = {
  title: "not_found.title",
  render: () =>
    el(
      "section",
      { class: "card" },
      heading("not_found.title"),
      say("p", "not_found.text"),
      buttonLink("not_found.home", "/"),
    ),
};
