// A form with data-passkey asks the browser for a passkey and is sent with its answer. Without scripts, or in a browser that
// cannot read such questions, the form stays hidden, and the password is the way in.
"use strict";
const form = document.querySelector("form[data-passkey]");
const reads = { get: "parseRequestOptionsFromJSON", create: "parseCreationOptionsFromJSON" }[form?.dataset.passkey];
if (reads && window.PublicKeyCredential?.[reads]) {
  const told = form.querySelector("[data-failed]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    told.textContent = "";
    try {
      const publicKey = PublicKeyCredential[reads](JSON.parse(form.dataset.question));
      const answer = await navigator.credentials[form.dataset.passkey]({ publicKey });
      form.elements.credential.value = JSON.stringify(answer);
    } catch {
      told.textContent = told.dataset.failed;
      return;
    }
    form.submit();
  });
}
