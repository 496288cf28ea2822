// Before anything is shown: scripts run here, and how folders were looked at the last time.
document.documentElement.classList.add('js');
try {
  const grid = localStorage.getItem('view') === 'grid' && !/[?&]view=/.test(location.search);
  if (grid) document.documentElement.dataset.view = 'grid';
} catch { /* Not kept then. */ }
