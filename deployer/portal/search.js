"use strict";
const form = document.getElementById("tool-search");
const field = document.getElementById("tool-search-text");
const told = document.getElementById("tool-search-found");
const tools = Array.from(document.querySelectorAll("[data-tool]"));
const search = () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const tool of tools) {
    const text = tool.textContent.toLowerCase();
    tool.hidden = !words.every((word) => text.includes(word));
    found += tool.hidden ? 0 : 1;
  }
  told.textContent = words.length ? `${found} of ${tools.length} tools` : "";
};
if (form) {
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("input", search);
}
