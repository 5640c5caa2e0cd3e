import { describe, expect, expectTypeOf, it } from "vitest";
import { catalogs } from "../scripts/catalogs.js";
import type {
  ClientCode,
  Failure,
  operations,
  Refusal,
  SecondFactorNeeded,
} from "../src/index.js";
import { type Catalog, catalog, message, messages } from "../src/messages.js";

const ALL = new Map(
  catalogs().map(([language, sentences]) => [language, catalog(language, sentences)]),
);
const LANGUAGES = [...ALL.keys()];
const PLACEHOLDER = /\{\w+\}/g;
/** So many sentences may be left of a text without parameters. */
const STOPS = /[.।。]/g;

function packaged(language: string): Catalog {
  const found = ALL.get(language);
  if (!found) {
    throw new Error(`no catalog ${language}`);
  }
  return found;
}

const EN = packaged("en");
const DE = packaged("de");
const CODES = Object.keys(EN.sentences);
const WITH_PARAMS = CODES.filter((code) => EN.sentences[code]?.includes("{"));

function placeholders(text = ""): string[] {
  return text.match(PLACEHOLDER) ?? [];
}

/** Return a value for each placeholder of a code. */
function paramsOf(code: string): Record<string, number> {
  return Object.fromEntries(
    placeholders(EN.sentences[code]).map((name) => [name.slice(1, -1), 12]),
  );
}

describe("the packaged sentences", () => {
  it("are there in 32 languages, and have parameters", () => {
    expect(LANGUAGES).toHaveLength(32);
    expect(WITH_PARAMS).toEqual(
      expect.arrayContaining(["password_too_short", "throttled"]),
    );
  });

  describe.each(LANGUAGES)("in %s", (code) => {
    const language = packaged(code);

    it("have the codes of the English ones", () => {
      expect(Object.keys(language.sentences)).toEqual(CODES);
    });

    it("have the placeholders of the English ones", () => {
      for (const each of CODES) {
        expect(placeholders(language.sentences[each]), each).toEqual(
          placeholders(EN.sentences[each]),
        );
      }
    });

    it("are whole without parameters, and show no braces", () => {
      for (const each of CODES) {
        const text = message(each, { language });
        const whole = language.sentences[each] ?? "";
        expect(text, each).not.toMatch(/[{}]/);
        expect(whole.startsWith(text), each).toBe(true);
        expect(text.match(STOPS), each).not.toBeNull();
        expect(text === whole, each).toBe(!WITH_PARAMS.includes(each));
      }
    });

    it("leave out as many sentences as the English ones", () => {
      for (const each of WITH_PARAMS) {
        const own = message(each, { language }).match(STOPS);
        const english = message(each, { language: EN }).match(STOPS);
        expect(own, each).toHaveLength(english?.length ?? 0);
      }
    });

    it("show their parameters in the figures of the language", () => {
      for (const each of WITH_PARAMS) {
        const text = message(each, { language, params: paramsOf(each) });
        expect(text, each).not.toMatch(/[{}]/);
        expect(text, each).toContain(new Intl.NumberFormat(code).format(12));
        expect(text.length, each).toBeGreaterThan(
          message(each, { language }).length,
        );
      }
    });

    it("name the code that has no sentence", () => {
      const text = message("wishlist_full", { language });
      expect(text).toBe(`${language.sentences.unknown_code ?? ""} (wishlist_full)`);
    });
  });
});

describe("message", () => {
  it("fills in the parameters", () => {
    const params = { min_length: 12 };
    expect(message("password_too_short", { language: EN, params })).toBe(
      "This password is too short. Minimum number of characters: 12.",
    );
    expect(message("password_too_short", { language: DE, params })).toBe(
      "Dieses Passwort ist zu kurz. Mindestzahl der Zeichen: 12.",
    );
  });

  it.each([
    ["en", "This password is too short."],
    ["hi", "यह पासवर्ड बहुत छोटा है।"],
    ["ja", "このパスワードは短すぎます。"],
    ["ar", "كلمة المرور هذه قصيرة جداً."],
    ["zh-hant", "這個密碼太短。"],
  ])("leaves out the sentence of a missing parameter in %s", (language, expected) => {
    const options = { language: packaged(language), params: { max_length: 3 } };
    expect(message("password_too_short", options)).toBe(expected);
  });

  it("takes no parameter from what every object inherits", () => {
    const language = catalog("en", { odd: "Odd. {constructor} {toString}." });
    expect(message("odd", { language })).toBe("Odd.");
  });

  it("writes numbers, booleans and texts, and reads no placeholder in a text", () => {
    const language = catalog("de", { odd: "{count}, {is_on}, {name}, {count}!" });
    const params = { count: 12345.5, is_on: true, name: "{count} $& $1" };
    expect(message("odd", { language, params })).toBe(
      "12.345,5, true, {count} $& $1, 12.345,5!",
    );
  });

  it("writes a number as it is where the language is no tag", () => {
    const language = catalog("no tag", { odd: "{count}." });
    expect(message("odd", { language, params: { count: 12345 } })).toBe("12345.");
  });

  it("does not end a sentence within a number or a name", () => {
    const language = catalog("en", { odd: "See v2.0 of a.b {name}. Really?! {no}" });
    expect(message("odd", { language, params: { name: "x" } })).toBe(
      "See v2.0 of a.b x. Really?!",
    );
  });

  it("looks in the second catalog for what the first one lacks", () => {
    const own = catalog("de", { throttled: "Langsam!", odd: "{missing}", none: "" });
    const options = { language: own, fallback: DE };
    expect(message("throttled", options)).toBe("Langsam!");
    expect(message("timeout", options)).toBe(DE.sentences.timeout);
    // Nothing can be said of these by the project's own sentences.
    for (const code of ["odd", "none"]) {
      expect(message(code, options)).toBe(`Das hat nicht funktioniert. (${code})`);
    }
  });

  it("says the text that is to stand for a code without a sentence", () => {
    const options = { language: DE, fallback: "Hm." };
    expect(message("wishlist_full", options)).toBe("Hm.");
    expect(message("required", options)).toBe(DE.sentences.required);
  });

  it("says the code where no catalog has a sentence for unknown ones", () => {
    expect(message("odd", { language: catalog("de", {}) })).toBe("odd");
  });

  it.each(["constructor", "__proto__", "toString", "hasOwnProperty"])(
    "knows no sentence for %s",
    (code) => {
      expect(message(code, { language: EN })).toBe(`This did not work. (${code})`);
    },
  );
});

describe("messages", () => {
  it("are by field, and in general", () => {
    const failure = {
      ok: false,
      status: 400,
      errors: {
        password: ["password_too_short", "password_too_common"],
        email: ["blank"],
        non_field_errors: ["passwords_not_identical"],
        username: [],
        token: undefined,
      },
      params: { password: { password_too_short: { min_length: 10 } } },
    };
    expect(messages(failure, { language: EN })).toEqual({
      fields: {
        password: [
          "This password is too short. Minimum number of characters: 10.",
          "This password is too common. Please choose another one.",
        ],
        email: ["Please fill in this field."],
      },
      general: ["The two passwords are not the same."],
    });
  });

  it("have the seconds to wait from the parameters, or those that are left now", () => {
    const params = { error: { throttled: { retry_after: 42 } } };
    const failure = { error: "throttled", errors: {} };
    const said = (given: object): string[] => messages(given, { language: EN }).general;
    expect(said({ ...failure, params })).toEqual(["Too many attempts. Please try again in 42 s."]);
    const left = ["Too many attempts. Please try again in 7 s."];
    expect(said({ ...failure, retryAfter: 7 })).toEqual(left);
    expect(said({ ...failure, params, retryAfter: 7 })).toEqual(left);
  });

  it("take the parameters of the code and the field alone", () => {
    const params = {
      new_password: { password_too_short: { min_length: 10 } },
      password: { password_too_common: { min_length: 10 } },
    };
    const failure = { errors: { password: ["password_too_short"] }, params };
    expect(messages(failure, { language: EN }).fields).toEqual({
      password: ["This password is too short."],
    });
  });

  it("say the same sentence once", () => {
    const failure = { errors: { email: ["blank", "null"] } };
    expect(messages(failure, { language: EN }).fields).toEqual({
      email: ["Please fill in this field."],
    });
  });

  it("are never silent", () => {
    for (const failure of [{}, { errors: {} }, { errors: { email: [] } }]) {
      expect(messages(failure, { language: EN })).toEqual({
        fields: {},
        general: ["Something went wrong on the server. Please try again later."],
      });
    }
  });

  it("pass the fallback on", () => {
    const options = { language: catalog("en", {}), fallback: EN };
    expect(messages({ error: "not_found" }, options).general).toEqual([
      "This was not found on the server.",
    ]);
  });

  it("survive a field and a code with the names of what objects inherit", () => {
    const errors = Object.fromEntries([["__proto__", ["constructor"]]]);
    const { fields } = messages({ errors, params: {} }, { language: EN });
    expect(Object.entries(fields)).toEqual([
      ["__proto__", ["This did not work. (constructor)"]],
    ]);
  });
});

describe("the types", () => {
  it("of failed results fit", () => {
    type Failed = Parameters<typeof messages>[0];
    expectTypeOf<Refusal<operations, "login">>().toExtend<Failed>();
    expectTypeOf<Refusal<operations, "logout">>().toExtend<Failed>();
    expectTypeOf<SecondFactorNeeded<operations>>().toExtend<Failed>();
    expectTypeOf<Failure>().toExtend<Failed>();
    expectTypeOf<{ errors: { ident: number[] } }>().not.toExtend<Failed>();
  });

  it("know no code of the client without a sentence", () => {
    // A new code does not compile before it is here.
    const codes: Record<ClientCode, true> = {
      aborted: true,
      network_error: true,
      passkey_cancelled: true,
      passkey_exists: true,
      passkey_not_here: true,
      passkey_not_supported: true,
      timeout: true,
      unexpected_answer: true,
    };
    for (const code of Object.keys(codes)) {
      expect(message(code, { language: DE })).toBe(DE.sentences[code]);
    }
  });
});
