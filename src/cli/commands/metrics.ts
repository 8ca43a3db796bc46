/** `rasen metrics`: what /metrics of the gateway tells, without a gateway. */
import { defineCommand } from '../command.ts';

export const metrics = defineCommand({
  name: 'metrics',
  summary: 'Print metrics in the text format of Prometheus',
  details: [
    'The same names as at /metrics of `rasen gateway`, for the textfile collector of node_exporter or a look by hand. Dashboard and alert rules are in share/doc/rasen.',
  ],
  options: [],
  examples: [{ command: 'rasen metrics > /var/lib/node_exporter/rasen.prom', about: 'from a timer' }],
  async run(_call, context) {
    const bundle = await context.loadGatewayBundle();
    const ask = <T>(method: string, params: unknown) =>
      context.link.call(
        method as 'task.list',
        params as Record<never, never>,
      ) as Promise<unknown> as Promise<T>;
    context.out.print(await new bundle.Metrics().text(ask));
  },
});
