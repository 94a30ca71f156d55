"use strict";

// The mail page: one form to sign in, a list, a reader, and a form to write. The page never asks the server for anything
// that the user has not asked for, so that every request belongs to a click.

const $ = (id) => document.getElementById(id);
let xsrf = document.body.dataset.xsrf;
let opened = 0; // counts clicks on messages: an answer that comes after a later click is dropped

async function api(method, path, body) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && xsrf) headers["X-XSRF-Token"] = xsrf;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = null; // an answer from something between here and the server
  }
  if (!answer.ok) {
    const failure = new Error((data && data.error) || `the server answered ${answer.status}`);
    failure.status = answer.status;
    throw failure;
  }
  return data;
}

function say(status, error) {
  $("status").textContent = status || "";
  $("error").textContent = error || "";
}

// guard runs what a click asks for, with the button disabled, and shows what went wrong.
async function guard(button, work) {
  say();
  if (button) button.disabled = true;
  try {
    await work();
  } catch (failure) {
    if (failure.status === 401 && !$("mail").hidden) showLogin();
    say("", failure.message);
  } finally {
    if (button) button.disabled = false;
  }
}

function showLogin() {
  xsrf = "";
  $("inbox").replaceChildren();
  $("mail").hidden = true;
  $("tools").hidden = true;
  $("reader").hidden = true;
  $("draft").hidden = true;
  $("login").hidden = false;
  $("user").focus();
}

async function showMail(user) {
  await list();
  $("whoami").textContent = user;
  $("login").hidden = true;
  $("tools").hidden = false;
  $("mail").hidden = false;
}

function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}

async function list() {
  const data = await api("GET", "/api/messages?limit=50");
  const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });
  $("inbox").replaceChildren(
    ...data.messages.map((mail) => {
      const row = document.createElement("li");
      row.className = mail.seen ? "message" : "message unread";
      row.dataset.id = mail.id;
      row.append(span("from", mail.from), span("date", dates.format(new Date(mail.date))), span("subject", mail.subject || "(no subject)"));
      return row;
    }),
  );
  $("count").textContent = `${data.total} messages, ${data.unread} unread`;
}

async function read(row) {
  const turn = ++opened;
  const mail = await api("GET", `/api/messages/${encodeURIComponent(row.dataset.id)}`);
  if (turn !== opened) return;
  for (const other of document.querySelectorAll(".message.open")) other.classList.remove("open");
  row.classList.add("open");
  row.classList.remove("unread");
  $("draft").hidden = true;
  $("message-subject").textContent = mail.subject || "(no subject)";
  $("message-from").textContent = `${mail.from} to ${mail.to}`;
  $("message-body").textContent = mail.body;
  $("message-body").dataset.id = mail.id;
  $("reader").hidden = false;
}

function write(open) {
  $("draft").reset();
  $("draft").hidden = !open;
  $("reader").hidden = true;
  if (open) $("to").focus();
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  guard($("signin"), async () => {
    const answer = await api("POST", "/api/login", { user: $("user").value, password: $("password").value });
    xsrf = answer.xsrf;
    $("password").value = "";
    await showMail(answer.user);
  });
});

$("inbox").addEventListener("click", (event) => {
  const row = event.target.closest(".message");
  if (row) guard(null, () => read(row));
});

$("refresh").addEventListener("click", () => guard($("refresh"), list));
$("compose").addEventListener("click", () => write(true));
$("discard").addEventListener("click", () => write(false));

$("draft").addEventListener("submit", (event) => {
  event.preventDefault();
  guard($("send"), async () => {
    const to = $("to").value.split(/[,;\s]+/).filter(Boolean);
    await api("POST", "/api/messages", { to, subject: $("subject").value, body: $("text").value });
    write(false);
    say("Message sent.");
  });
});

$("signout").addEventListener("click", () =>
  guard($("signout"), async () => {
    await api("POST", "/api/logout");
    showLogin();
  }),
);

if (document.body.dataset.user) {
  guard(null, () => showMail(document.body.dataset.user)).then(() => {
    if ($("mail").hidden) $("login").hidden = false;
  });
} else {
  showLogin();
}
