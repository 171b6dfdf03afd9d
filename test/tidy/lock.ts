/** The lock file names no host, and nothing runs at install that package.json does not allow by name. */

interface LockEntry {
  readonly resolved?: string | undefined;
  readonly hasInstallScript?: boolean | undefined;
}

interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

export function lockProblems(lockText: string, manifestText: string): string[] {
  const { packages } = JSON.parse(lockText) as Lock;
  const { allowScripts = {} } = JSON.parse(manifestText) as {
    allowScripts?: Record<string, boolean>;
  };
  return Object.entries(packages).flatMap(([path, entry]) => {
    const name = path.replace(/^.*node_modules\//, "");
    return [
      ...(/^[a-z+]+:/.test(entry.resolved ?? "")
        ? [
            `package-lock.json: ${path} is resolved to ${entry.resolved}; .npmrc must keep hosts out.`,
          ]
        : []),
      ...(entry.hasInstallScript === true && !(name in allowScripts)
        ? [
            `package-lock.json: ${path} runs a script at install; name it in package.json's allowScripts.`,
          ]
        : []),
    ];
  });
}
