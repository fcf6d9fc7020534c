//! hickory-resolver on tokio's loop of one thread, without the hosts file, its cache off unless it is what is measured.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::nsd::name;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::cell::Cell;
use std::rc::Rc;
use tokio::task::LocalSet;

pub(crate) fn run(job: &Job) -> Sample {
    ask(job, 0, name)
}

pub(crate) fn run_cached(job: &Job) -> Sample {
    ask(job, 1_024, |_| name(0))
}

fn ask(job: &Job, cache: u64, name: impl Fn(u64) -> String + Copy + 'static) -> Sample {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there are descriptors left");
    let resolver = Rc::new(resolver(job.port, cache));
    let ask = |under_way: u64, ops: u64, name: Rc<dyn Fn(u64) -> String>| {
        let local = LocalSet::new();
        let next = Rc::new(Cell::new(0));
        for _ in 0..under_way {
            let (resolver, next, name) = (resolver.clone(), next.clone(), name.clone());
            local.spawn_local(async move {
                while next.get() < ops {
                    let number = next.replace(next.get() + 1);
                    let found = resolver.ipv4_lookup(name(number)).await;
                    assert_eq!(found.expect("an address").answers().len(), 1);
                }
            });
        }
        runtime.block_on(local);
    };
    let unused = job.ops;
    ask(1, 1, Rc::new(move |_| name(unused)));
    sample(job.ops, || ask(job.connections(), job.ops, Rc::new(name)))
}

fn resolver(port: u16, cache: u64) -> TokioResolver {
    let mut connection = ConnectionConfig::udp();
    connection.port = port;
    let server = NameServerConfig::new([127, 0, 0, 1].into(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.cache_size = cache;
    options.use_hosts_file = ResolveHosts::Never;
    // More than are ever under way.
    options.max_active_requests = 128;
    builder.build().expect("the configuration is whole")
}
