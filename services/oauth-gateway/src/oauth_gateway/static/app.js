// Small comforts on top of pages that work without any script.
(() => {
  "use strict";
  const TOAST_MS = 10_000, DOWN_MS = 3_000, RETRY_MS = 1_000, RETRY_MS_MAX = 30_000;
  const byId = (id) => document.getElementById(id);

  // The server writes times in the viewer's zone from the next page on.
  const zone = `tz=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone ?? "")}`;
  if (!document.cookie.split("; ").includes(zone)) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  const hideMenus = () => document.querySelectorAll("[popover]:popover-open").forEach((menu) => menu.hidePopover());

  // Dialogs and toasts arrive as fragments; a newer toast about the same thing takes the place of an older one.
  const settle = () => {
    const dialog = document.querySelector("#dialog dialog:not([open])");
    if (dialog && !dialog.dataset.shown) {
      dialog.dataset.shown = "yes";
      hideMenus();
      dialog.showModal();
      dialog.addEventListener("close", () => dialog.remove());
    }
    const toasts = [...document.querySelectorAll(".toast")];
    toasts.forEach((toast, at) => {
      const undoes = toast.querySelector("form")?.action;
      if (undoes && toasts.slice(at + 1).some((newer) => newer.querySelector("form")?.action === undoes)) toast.remove();
      if (toast.dataset.timed) return;
      toast.dataset.timed = "yes";
      setTimeout(() => toast.remove(), TOAST_MS);
    });
  };
  document.addEventListener("DOMContentLoaded", settle);

  // Focus stays with the store whose card was changed under it.
  let held = null;
  document.addEventListener("htmx:before:swap", () => {
    held = document.activeElement?.closest("article[id]")?.id;
  });
  document.addEventListener("htmx:after:swap", () => {
    settle();
    if (held && document.activeElement === document.body) byId(held)?.querySelector("button, a")?.focus();
  });

  document.addEventListener("click", (event) => {
    const close = event.target.closest("dialog [data-close]");
    if (close) {
      event.preventDefault();
      close.closest("dialog").close();
      return;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(byId(copy.dataset.copy).textContent.trim()).then(() => { copy.textContent = "Copied"; });
    }
    if (event.target.closest("[popover] :is(a, button[name]), .toast")) hideMenus();
  });

  // What a link or form leads to without scripts is what htmx asks for.
  document.addEventListener("htmx:config:request", (event) => {
    const { request, sourceElement } = event.detail.ctx;
    request.action ||= ["formaction", "href", "action"].map((name) => sourceElement.getAttribute(name)).find(Boolean);
  });

  // One settings menu serves all stores: it opens empty and is filled for the store that asked.
  document.addEventListener("beforetoggle", (event) => {
    if (event.target.id === "menu" && event.newState === "open") event.target.replaceChildren();
  }, true);

  // A form in a dialog has done its work when the server agrees.
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (response.status < 400 && sourceElement.matches("dialog form")) sourceElement.closest("dialog").close();
  });

  // No request fails in silence. What the server could still explain has come as a toast of its own.
  const lostTouch = () => {
    hideMenus();
    byId("toasts")?.append(byId("lost-touch").content.cloneNode(true));
    settle();
  };

  // "Live" turns to "Reconnecting" when the stream is down for three seconds. htmx connects again by itself, except
  // when the very first try fails.
  let down = null, tries = 0;
  const mark = (state) => {
    const live = byId("live");
    if (live) live.dataset.state = state;
  };
  const lost = (status) => {
    if (status === 401 || status === 404) location.reload();
    down ??= setTimeout(() => mark("off"), DOWN_MS);
  };
  const tryAgain = (live, status) => {
    lost(status);
    setTimeout(() => htmx.trigger(live, "retry"), Math.min(RETRY_MS * 2 ** tries++, RETRY_MS_MAX));
  };
  document.addEventListener("DOMContentLoaded", () => lost());
  document.addEventListener("htmx:sse:after:connection", () => {
    clearTimeout(down);
    down = null;
    tries = 0;
    mark("on");
  });
  document.addEventListener("htmx:sse:error", (event) => lost(event.detail?.status));
  document.addEventListener("htmx:sse:close", () => lost());

  document.addEventListener("htmx:error", (event) => {
    if (event.target.id === "live") tryAgain(event.target);
    else lostTouch();
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (event.target.id === "live") return tryAgain(event.target, ctx.response.status);
    if (ctx.text.includes("<hx-partial")) return;
    ctx.swap = "none";
    lostTouch();
  });
})();
