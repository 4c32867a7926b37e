// Passkeys: what the browser and the server tell each other, in base64url as both sides write it.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));

const text = (buffer) =>
  buffer &&
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const withBytes = (options) => {
  const { publicKey } = options;
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    for (const credential of publicKey[list] ?? []) credential.id = bytes(credential.id);
  }
  return options;
};

const asText = (credential) => ({
  id: credential.id,
  rawId: text(credential.rawId),
  type: credential.type,
  authenticatorAttachment: credential.authenticatorAttachment,
  clientExtensionResults: credential.getClientExtensionResults(),
  response: {
    clientDataJSON: text(credential.response.clientDataJSON),
    attestationObject: text(credential.response.attestationObject) ?? undefined,
    authenticatorData: text(credential.response.authenticatorData) ?? undefined,
    signature: text(credential.response.signature) ?? undefined,
    userHandle: text(credential.response.userHandle) ?? undefined,
    transports: credential.response.getTransports?.(),
  },
});

const optionsOf = async (form) => {
  if (!form.dataset.passkeyUrl) return JSON.parse(document.getElementById("passkey-options").textContent);
  const answer = await fetch(form.dataset.passkeyUrl, { headers: { "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).request_options;
};

const ask = async (form) => {
  const options = withBytes(await optionsOf(form));
  const create = form.dataset.passkey === "create";
  const credential = await (create ? navigator.credentials.create(options) : navigator.credentials.get(options));
  form.elements.credential.value = JSON.stringify(asText(credential));
  form.submit();
};

const say = (form, words) => {
  const place = form.querySelector("[data-passkey-said]");
  place.hidden = false;
  place.querySelector("span").textContent = words;
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) {
    form.querySelector("button").disabled = true;
    say(form, "This browser cannot use passkeys, or the connection is not secure.");
    continue;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await ask(form);
    } catch (error) {
      say(form, error.name === "InvalidStateError" ? "This key is already set up." : "Nothing was confirmed. Try again.");
    }
  });
}
