//! Why something was refused or withheld: a closed list, each with its citation and remedy.
//!
//! Two enums for two audiences. [`Reason`] is what a caller is told: a code, a title in two
//! languages, the articles it rests on and what to do. [`Cause`] is what the operator's record and
//! counters say: the exact fault, never a value. Every cause belongs to one reason.
//!
//! ```
//! use zhamen::engine::reason::{Cause, Reason};
//! assert_eq!(Reason::parse("E-PURPOSE-MISSING"), Some(Reason::PurposeMissing));
//! assert_eq!(Cause::BadHost.reason(), Reason::Request);
//! assert_eq!(Cause::BadHost.status(), 400);
//! ```
//!
//! The substantive reasons and their articles are those of the Regulation on Open Government
//! Information (政府信息公开条例), the Personal Information Protection Law (PIPL), the Data Security
//! Law and the sector statutes; the gateway applies the discipline of articles 35 to 37 of the first
//! to sharing between departments, it does not claim that they bind it.

use crate::closed_enum;

/// What a reason says to a caller.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    /// HTTP status of a whole refusal for this reason.
    pub status: u16,
    /// Title in Chinese.
    pub zh: &'static str,
    /// Title in English.
    pub en: &'static str,
    /// Statutes it rests on; empty for technical reasons.
    pub citations: &'static [&'static str],
    /// What the caller can do, in Chinese.
    pub remedy_zh: &'static str,
    /// What the caller can do, in English.
    pub remedy_en: &'static str,
}

/// Declares the reasons: variant, code, then the wording, in order of precedence.
macro_rules! reasons {
    ($($variant:ident = $code:literal, $status:literal, $zh:literal, $en:literal, [$($cite:literal),*], $rzh:literal, $ren:literal;)+) => {
        closed_enum! {
            /// Why a request was refused, or a field withheld. Earlier values take precedence when
            /// several apply.
            pub enum Reason { $($variant = $code),+ }
        }

        impl Reason {
            /// Title, status, citations and remedy.
            pub const fn wording(self) -> Wording {
                match self { $(Reason::$variant => Wording {
                    status: $status, zh: $zh, en: $en, citations: &[$($cite),*], remedy_zh: $rzh, remedy_en: $ren,
                }),+ }
            }
        }
    };
}

reasons! {
    PolicyError = "E-POLICY-ERROR", 403, "策略求值出错，按拒绝处理", "A policy could not be evaluated, so the answer is no", [], "请联系平台运维人员并提供请求编号", "Tell the platform operator the request id";
    Suspended = "E-SUSPENDED", 403, "已暂停访问", "Access is suspended", ["数据安全法#29", "GB/T 39477-2020#6.2"], "请向本单位安全管理员申请人工复核；对自动决定可依个人信息保护法第二十四条申诉", "Ask your security officer for a human review; PIPL 24 gives a right of appeal";
    Secret = "E-SECRET", 403, "涉密或工作秘密", "State or work secret", ["保守国家秘密法", "政务数据共享条例#3"], "不可通过本平台获取", "Not available through this platform";
    NotShared = "E-NOT-SHARED", 403, "不予共享", "This dataset is not shared", ["政务数据共享条例（目录管理）"], "见目录所列依据与下次评估日期", "See the basis and the next review date in the catalogue";
    Guardian = "E-GUARDIAN", 403, "不满十四周岁须监护人同意", "A guardian must consent for a child under fourteen", ["个人信息保护法#31"], "请在办件中登记监护人及其同意", "Enter the guardian and the consent in the matter";
    SectorHealth = "E-SECTOR-HEALTH", 403, "健康信息依法保密", "Health data are protected by statute", ["基本医疗卫生与健康促进法#92", "传染病防治法#12"], "急救情形可走紧急调阅；其他情形须有法定文书", "Use break-glass in an emergency; otherwise a statutory warrant is needed";
    SectorTax = "E-SECTOR-TAX", 403, "纳税人信息依法保密", "Taxpayer data are protected by statute", ["税收征收管理法#8"], "仅限法定用途", "Only for the purposes the statute names";
    SectorSocialInsurance = "E-SECTOR-SI", 403, "社会保险信息依法保密", "Social insurance data are protected by statute", ["社会保险法#81", "社会保险法#92"], "仅限法定用途", "Only for the purposes the statute names";
    SectorIdentity = "E-SECTOR-ID", 403, "居民身份证记载信息依法保密", "Identity card data are protected by statute", ["居民身份证法#13", "居民身份证法#19"], "请改用核验接口", "Use the verification interface instead";
    SpecialRegime = "E-SPECIAL-REGIME", 403, "依特别规定办理", "A special regime applies", ["政府信息公开条例#36(7)"], "请按工商、不动产登记资料的专门规定查询", "Follow the special rules for business or real-estate registers";
    PurposeMissing = "E-PURPOSE-MISSING", 400, "未声明使用用途", "No purpose was stated", ["个人信息保护法#6", "不动产登记暂行条例#28"], "请在令牌或 Purpose 头中声明用途", "State the purpose in the token or in the Purpose header";
    PurposeMismatch = "E-PURPOSE-MISMATCH", 403, "超出用途", "The purpose does not cover this dataset", ["个人信息保护法#6", "个人信息保护法#34", "数据安全法#38", "上海市数据条例#39"], "请更正用途，或申请相应的共享授权", "Correct the purpose, or apply for a grant that covers it";
    MatterMissing = "E-MATTER-MISSING", 403, "无关联办件", "No matter is named", ["个人信息保护法#34", "浙江省保障“最多跑一次”改革规定#39"], "请关联办件后再查询", "Name the matter this look-up belongs to";
    MatterClosed = "E-MATTER-CLOSED", 403, "办件已办结", "The matter is closed", ["个人信息保护法#34"], "请重新开启办件", "Reopen the matter";
    MatterNotAssigned = "E-MATTER-NOT-ASSIGNED", 403, "非本办件经办人", "You are not assigned to this matter", ["个人信息保护法#34"], "请由经办人查询，或变更经办人", "Let the assigned officer ask, or change the assignment";
    SubjectNotInMatter = "E-SUBJECT-NOT-IN-MATTER", 403, "查询对象与办件无关", "The subject does not belong to the matter", ["个人信息保护法#6", "个人信息保护法#34"], "请补充查询对象与办件的关系证明", "Add the subject to the matter with proof of the relation";
    NoGrant = "E-NO-GRANT", 403, "未获批准", "No grant was approved", ["政务数据共享条例（共享使用）"], "请提交共享申请，主管部门十个工作日内答复", "Apply for sharing; the reply is due within ten working days";
    GrantExpired = "E-GRANT-EXPIRED", 403, "授权到期", "The grant has expired", ["政务数据共享条例（共享使用）"], "请申请续期", "Apply for renewal";
    ConditionUnmet = "E-COND-UNMET", 403, "未满足共享条件", "The sharing condition is not met", ["政务数据共享条例（目录管理）"], "请满足目录所列条件", "Meet the condition listed in the catalogue";
    Consent = "E-CONSENT-MISSING", 403, "缺少同意", "Consent is missing", ["个人信息保护法#13", "个人信息保护法#29"], "请取得当事人（单独）同意", "Obtain the (separate) consent of the person";
    SensitiveNoNecessity = "E-SENSITIVE-NO-NECESSITY", 403, "敏感个人信息无充分必要性", "Sensitive data without sufficient necessity", ["个人信息保护法#28"], "请补充影响评估", "Supply the impact assessment";
    LevelTooHigh = "E-LEVEL", 403, "级别高于使用权限", "The level is above your clearance", ["数据安全法#21", "GB/T 43697-2024"], "请升级审批", "Escalate for approval";
    Contractor = "E-CONTRACTOR", 403, "受托方不得访问", "A contractor may not access this", ["数据安全法#40", "网络数据安全管理条例#16"], "请由委托单位人员办理", "Let staff of the client organisation do it";
    Commercial = "E-COMMERCIAL", 403, "商业秘密", "Trade secret", ["政府信息公开条例#15", "数据安全法#38"], "可征求第三方意见（十五个工作日）", "The third party can be asked (fifteen working days)";
    Privacy = "E-PRIVACY", 403, "个人隐私", "Personal privacy", ["政府信息公开条例#15", "民法典#1039"], "可征求第三方意见（十五个工作日）", "The third party can be asked (fifteen working days)";
    Internal = "E-INTERNAL", 403, "内部事务信息", "Internal affairs", ["政府信息公开条例#16"], "可申请复核", "Ask for a review";
    Process = "E-PROCESS", 403, "过程性信息", "Deliberative material", ["政府信息公开条例#16"], "可申请复核", "Ask for a review";
    CaseFile = "E-CASEFILE", 403, "行政执法案卷", "Enforcement case file", ["政府信息公开条例#16"], "可申请复核", "Ask for a review";
    CrossBorder = "E-CROSS-BORDER", 403, "不得向境外提供", "Not to be provided abroad", ["个人信息保护法#36", "个人信息保护法#38", "网络数据安全管理条例#37"], "须先通过安全评估", "A security assessment must come first";
    RiskStepUp = "E-RISK-STEPUP", 401, "需强化核验", "Stronger authentication is needed", ["GB/T 39477-2020#6.2"], "请完成多因素认证或双人复核后重试", "Authenticate again with a second factor or a second person";
    RiskReduced = "E-RISK-REDUCED", 403, "风险期内降级提供", "Reduced disclosure while the risk lasts", ["数据安全法#29"], "限制到期后自动恢复", "It lifts by itself when the restriction expires";
    FieldUse = "E-FIELD-USE", 403, "不得以无权查看的字段筛选、排序或统计", "A field that is not shown to you may not choose, order or count records", ["个人信息保护法#6", "数据安全法#27"], "请去掉该参数，或申请查看该字段", "Leave the parameter out, or apply to see the field";
    RowScope = "E-ROW-SCOPE", 403, "未证明可见数据的范围", "The scope of rows you may see was not proved", ["个人信息保护法#6", "数据安全法#38"], "请使用载明区划、部门的令牌", "Use a token that states your region and department";
    FieldNotNeeded = "E-FIELD-NOT-NEEDED", 403, "超出最小必要字段", "The field is not needed for this matter", ["个人信息保护法#6"], "如确需，请在事项所需材料中登记", "If it is needed, have it listed for the matter type";
    NoPolicy = "E-NO-POLICY", 403, "无授权策略", "No policy permits this", ["数据安全法#38"], "请提交共享申请", "Apply for sharing";
    Excessive = "E-EXCESSIVE", 429, "数量、频次明显超过合理范围", "Volume or frequency is clearly excessive", ["政府信息公开条例#35"], "请稍后重试；如有正当理由请向主管部门说明", "Retry later; state your reasons if the volume is justified";
    InvalidId = "E-INVALID-ID", 422, "标识校验不通过", "The identifier does not verify", ["GB 11643-1999", "GB 32100-2015"], "请核对号码", "Check the number";
    Request = "E-REQUEST", 400, "请求不合规或有歧义", "The request is malformed or ambiguous", [], "请按接口说明修改请求", "Send one unambiguous, well-formed request";
    Identity = "E-IDENTITY", 401, "身份未获证实", "Identity was not proved", ["网络安全法#21"], "请提供有效的证书与令牌", "Present a valid certificate and token";
    NotFound = "E-NOT-FOUND", 404, "经检索不存在", "Nothing here by that name", ["政府信息公开条例#36(4)"], "请查阅目录", "Look it up in the catalogue";
    Method = "E-METHOD", 405, "不支持的方法", "The method is not supported", [], "请按接口说明修改请求", "Use a method the route offers";
    NotAcceptable = "E-NOT-ACCEPTABLE", 406, "不提供所要求的格式", "The requested format is not offered", [], "请接受 application/json", "Accept application/json";
    SlowClient = "E-SLOW", 408, "请求发送过慢", "The request came too slowly", [], "请检查网络后重试", "Check the network and retry";
    TooLarge = "E-TOO-LARGE", 413, "请求体过大", "The request body is too large", [], "请减小请求", "Send less";
    TargetTooLong = "E-TARGET-SIZE", 414, "请求目标过长", "The request target is too long", [], "请减小请求", "Send less";
    Expectation = "E-EXPECT", 417, "无法满足 Expect", "The expectation cannot be met", [], "请去掉 Expect 头", "Drop the Expect header";
    Misdirected = "E-MISDIRECTED", 421, "请求发往了错误的主机", "The request was sent to the wrong host", [], "请新建连接", "Open a new connection";
    HeadersTooLarge = "E-HEADER-SIZE", 431, "请求头过大", "The request headers are too large", [], "请减小请求头", "Send fewer or shorter headers";
    Version = "E-VERSION", 505, "不支持的协议版本", "The protocol version is not supported", [], "请使用 HTTP/1.1 或 HTTP/2", "Use HTTP/1.1 or HTTP/2";
    Internal500 = "E-FAULT", 500, "网关内部错误", "The gateway failed", [], "请提供请求编号联系运维", "Tell the operator the request id";
    Unmaskable = "E-UNMASKABLE", 502, "上游应答无法脱敏，未予提供", "The upstream answer could not be masked and was withheld", [], "请提供请求编号联系数据提供部门", "Tell the providing department the request id";
    Upstream = "E-UPSTREAM", 502, "上游服务应答异常", "The upstream answer was not usable", [], "请稍后重试", "Retry later";
    AuditUnavailable = "E-AUDIT", 503, "审计不可用，暂停提供", "No answer without a record: the audit log is unavailable", ["网络数据安全管理条例#12"], "请稍后重试", "Retry later";
    Unavailable = "E-UNAVAILABLE", 503, "暂时无法安全提供服务", "The gateway cannot serve safely right now", [], "请稍后重试", "Retry later";
    UpstreamTimeout = "E-UPSTREAM-TIMEOUT", 504, "上游服务超时", "The upstream did not answer in time", [], "请稍后重试", "Retry later";
}

/// Declares the causes: variant, code, reason and, where it differs from the reason's, the status.
macro_rules! causes {
    ($($variant:ident = $code:literal => $reason:ident $(, $status:literal)?;)+) => {
        closed_enum! {
            /// The exact fault behind a refusal, for records and counters. Never told to callers.
            pub enum Cause { $($variant = $code),+ }
        }

        impl Cause {
            /// What the caller is told.
            pub const fn reason(self) -> Reason {
                match self { $(Cause::$variant => Reason::$reason),+ }
            }

            /// HTTP status of the refusal; the reason's own unless the fault asks for another.
            pub const fn status(self) -> u16 {
                match self { $(Cause::$variant => causes!(@status $reason $(, $status)?)),+ }
            }
        }
    };
    (@status $reason:ident, $status:literal) => { $status };
    (@status $reason:ident) => { Reason::$reason.wording().status };
}

causes! {
    AmbiguousFraming = "ambiguous_framing" => Request;
    BadLength = "bad_length" => Request;
    BadChunk = "bad_chunk" => Request;
    ChunkOverhead = "chunk_overhead" => TooLarge;
    TrailerForbidden = "trailer_forbidden" => Request;
    BadHost = "bad_host" => Request;
    HostMismatch = "host_mismatch" => Request;
    MethodUnknown = "method" => Method, 501;
    MethodNotOffered = "method_not_offered" => Method;
    BadHeader = "bad_header" => Request;
    HeaderSize = "header_size" => HeadersTooLarge;
    TargetSize = "target_size" => TargetTooLong;
    NotHttp = "not_http" => Request;
    BadVersion = "version" => Version;
    EarlyClose = "early_close" => Request;
    StreamRefused = "stream_refused" => Request;
    SlowBody = "slow_body" => SlowClient;
    Expect = "expect" => Expectation;
    UpgradeRefused = "upgrade_refused" => Request;
    SlowPeer = "slow_client" => SlowClient;
    Cancelled = "cancelled" => SlowClient, 499;
    BadTarget = "bad_target" => Request;
    ParameterTwice = "parameter_twice" => Request;
    ParameterInvalid = "parameter_invalid" => Request;
    ParameterMissing = "parameter_missing" => Request;
    ParameterUnknown = "parameter_unknown" => Request;
    BodySize = "body_size" => TooLarge;
    BodyFormat = "body_format" => Request;
    BodyUnexpected = "body_unexpected" => Request;
    MisdirectedHost = "misdirected" => Misdirected;
    IdentityHeader = "identity_header" => Request;
    OverrideHeader = "override_header" => Request;
    NoRoute = "no_route" => NotFound;
    AcceptUnserved = "accept" => NotAcceptable;

    NoCredential = "no_credential" => Identity;
    TlsIdentity = "tls_identity" => Identity;
    TlsRevoked = "tls_revoked" => Identity;
    TokenInvalid = "token_invalid" => Identity;
    TokenAlgorithm = "token_alg" => Identity;
    TokenHeader = "token_header" => Identity;
    TokenClaims = "token_claims" => Identity;
    TokenFormat = "token_format" => Identity;
    TokenAudience = "token_audience" => Identity;
    TokenExpired = "token_expired" => Identity;
    TokenSize = "token_size" => Identity;
    CredentialAmbiguous = "credential_ambiguous" => Identity, 400;
    IdentityMismatch = "identity_mismatch" => Identity;
    ApiKeyInvalid = "api_key_invalid" => Identity;
    ApplicationUnknown = "application_unknown" => Identity;
    Revoked = "revoked" => Identity;
    KeysStale = "jwks_stale" => Unavailable;
    SpeaksForDenied = "speaks_for_denied" => Identity, 403;

    IdentifierInvalid = "identifier_invalid" => InvalidId;
    PolicyEvaluation = "policy_error" => PolicyError;
    QuotaCaller = "quota_caller" => Excessive;
    QuotaApplication = "quota_application" => Excessive;
    QuotaDepartment = "quota_department" => Excessive;
    QuotaTotal = "quota_total" => Excessive;
    // The records given to the caller before.
    QuotaVolume = "quota_volume" => Excessive;

    UpstreamConnect = "upstream_connect" => Upstream;
    UpstreamTls = "upstream_tls" => Upstream;
    UpstreamReset = "upstream_reset" => Upstream;
    UpstreamMalformed = "upstream_malformed" => Upstream;
    UpstreamUnhealthy = "upstream_unhealthy" => Unavailable;
    UpstreamSlow = "upstream_timeout" => UpstreamTimeout;
    UpstreamStatus = "upstream_status" => Upstream;
    NoRecord = "no_record" => NotFound;
    UpstreamType = "upstream_type" => Unmaskable;
    UpstreamCoding = "upstream_coding" => Unmaskable;
    UpstreamRange = "upstream_range" => Unmaskable;
    DecodeLabel = "decode_label" => Unmaskable;
    DecodeGarbage = "decode_garbage" => Unmaskable;
    DecodeTruncated = "decode_truncated" => Unmaskable;
    DecodeTrailing = "decode_trailing" => Unmaskable;
    DecodeLimit = "decode_limit" => Unmaskable;
    UpstreamException = "upstream_exception" => Upstream;
    MaskFailed = "mask_failed" => Unmaskable;
    BodyLimit = "body_limit" => Unmaskable;

    AuditFailed = "audit_failed" => AuditUnavailable;
    AuditQueue = "audit_queue" => AuditUnavailable;
    IndexUnavailable = "usage_index" => Unavailable;
    Panicked = "panic" => Internal500;
}

impl Reason {
    /// The defence itself said no: such a refusal must not count against the caller again.
    pub fn is_of_defence(self) -> bool {
        matches!(self, Reason::Suspended | Reason::RiskStepUp | Reason::RiskReduced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_says_what_it_is_and_what_to_do_in_both_languages() {
        for reason in Reason::ALL {
            let wording = reason.wording();
            for text in [wording.zh, wording.en, wording.remedy_zh, wording.remedy_en] {
                assert!(!text.is_empty(), "{reason} lacks a text");
            }
            assert!((400..600).contains(&wording.status), "{reason}");
        }
    }

    #[test]
    fn codes_are_unique_and_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.code()), Some(*reason));
        }
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.code()), Some(*cause));
        }
    }
}
