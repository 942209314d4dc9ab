//! Eight departments' data APIs on loopback ports: the upstreams of the demo.
//!
//! They run on one thread of their own with a runtime of their own, so that the gateway beside them
//! is measured and stopped on its own. They know no callers, keep nothing and log nothing.
//!
//! ```
//! use zhamen::demo::departments::Departments;
//! let departments = Departments::start(0).unwrap();
//! assert_eq!(departments.addresses().len(), 8);
//! departments.stop();
//! ```

mod register;
pub mod routes;
mod tables;
mod views;

use super::citizens::City;
use crate::closed_enum;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The first of eight ports, in the order of [`Department::ALL`].
pub const BASE_PORT: u16 = 9701;

/// The longest body a department reads.
const BODY_BYTES_MAX: usize = 16 * 1024;

closed_enum! {
    /// A department of the demo; the code is the first segment of its paths.
    pub enum Department {
        CivilAffairs = "civil-affairs",
        RealEstate = "real-estate",
        PublicSecurity = "public-security",
        Health = "health",
        MarketRegulation = "market-regulation",
        SocialInsurance = "social-insurance",
        Tax = "tax",
        DataBureau = "data-bureau",
    }
}

impl Department {
    /// Unified social credit code: the department's identity in tokens and catalogue.
    pub const fn uscc(self) -> &'static str {
        match self {
            Department::CivilAffairs => "11330100MB0000019K",
            Department::RealEstate => "11330100MB0000027E",
            Department::PublicSecurity => "11330100MB00000359",
            Department::Health => "11330100MB00000434",
            Department::MarketRegulation => "11330100MB0000051Y",
            Department::SocialInsurance => "11330100MB000006XN",
            Department::Tax => "11330100MB0000078N",
            Department::DataBureau => "11330100MB0000086H",
        }
    }

    /// Short Chinese name.
    pub const fn name(self) -> &'static str {
        match self {
            Department::CivilAffairs => "民政",
            Department::RealEstate => "不动产登记",
            Department::PublicSecurity => "公安",
            Department::Health => "卫健",
            Department::MarketRegulation => "市场监管",
            Department::SocialInsurance => "社保",
            Department::Tax => "税务",
            Department::DataBureau => "数据局",
        }
    }
}

/// Why the departments did not start.
#[derive(Debug, thiserror::Error)]
pub enum DepartmentsError {
    /// Usually: something listens there already.
    #[error("the demo's {department} department cannot listen on {address}: {source}")]
    Listen { department: &'static str, address: SocketAddr, source: std::io::Error },
    /// Nine ports do not fit above this one.
    #[error("eight ports from {0} do not exist")]
    Ports(u16),
    #[error("the departments' thread did not start: {0}")]
    Thread(std::io::Error),
}

/// The running departments; dropping stops them.
#[derive(Debug)]
pub struct Departments {
    addresses: Vec<(Department, SocketAddr)>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Departments {
    /// Starts all eight on `base_port` and the seven after it; 0 lets the system choose each port.
    ///
    /// # Errors
    /// When a port cannot be had, naming it.
    pub fn start(base_port: u16) -> Result<Self, DepartmentsError> {
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for (offset, department) in (0u16..).zip(Department::ALL) {
            let port = if base_port == 0 { Some(0) } else { base_port.checked_add(offset) };
            let (listener, address) = listen(*department, port.ok_or(DepartmentsError::Ports(base_port))?)?;
            addresses.push((*department, address));
            listeners.push((*department, listener));
        }
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(DepartmentsError::Thread)?;
        let thread = std::thread::Builder::new()
            .name("departments".to_owned())
            .spawn(move || runtime.block_on(serve_all(listeners, stopped)))
            .map_err(DepartmentsError::Thread)?;
        Ok(Departments { addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Where each department listens.
    pub fn addresses(&self) -> &[(Department, SocketAddr)] {
        &self.addresses
    }

    /// Stops all of them, cutting what is open, and waits until they have.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Departments {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there is already printed; here it only means that they have stopped.
            let _ = thread.join();
        }
    }
}

fn listen(department: Department, port: u16) -> Result<(TcpListener, SocketAddr), DepartmentsError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|source| DepartmentsError::Listen { department: department.code(), address, source })
}

/// Accepts on all listeners until the other end of `stopped` is gone.
async fn serve_all(listeners: Vec<(Department, TcpListener)>, stopped: oneshot::Receiver<()>) {
    let city = Arc::new(City::generate());
    for (department, listener) in listeners {
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            tokio::spawn(accept(department, listener, city.clone()));
        }
    }
    let _ = stopped.await;
}

async fn accept(department: Department, listener: tokio::net::TcpListener, city: Arc<City>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: wait for some to be given back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Answers are one small write each; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let city = city.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(department, city.clone(), request));
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new());
            // A connection that fails has lost its reader; there is nobody to tell.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    department: Department,
    city: Arc<City>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let answer = match body {
        Ok(body) => routes::answer(
            &city,
            department,
            &routes::Asked {
                method: head.method.as_str(),
                path: head.uri.path(),
                query: head.uri.query(),
                body: &body.to_bytes(),
            },
        ),
        Err(_) => routes::Answer::json(413, br#"{"error":"body"}"#.to_vec()),
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        hyper::StatusCode::from_u16(answer.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let media = header::HeaderValue::from_static(answer.media);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    Ok(response)
}

#[cfg(test)]
mod tests;
