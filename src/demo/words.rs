//! Word lists of the demo city: names, streets, trades. Nobody real is meant.

/// Common surnames, and compound ones (复姓) at the end.
pub const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何",
    "林", "高", "罗", "郑", "梁", "谢", "宋", "唐", "许", "邓", "韩", "冯", "曹", "彭", "曾", "萧", "田",
    "董", "潘", "袁", "蔡", "蒋", "余", "于", "杜", "叶", "程", "魏", "苏", "吕", "丁", "沈", "任", "姚",
    "卢", "傅", "钟", "姜", "崔", "谭", "廖", "范", "汪", "陆", "金", "石", "戴", "贾", "韦", "夏", "邱",
    "方", "侯", "邹", "熊", "孟", "秦", "白", "江", "欧阳", "司马", "诸葛", "上官", "皇甫", "尉迟",
];

/// Given names of men. The last carries a character outside the basic multilingual plane.
pub const GIVEN_MALE: &[&str] = &[
    "伟",
    "强",
    "磊",
    "军",
    "勇",
    "杰",
    "涛",
    "明",
    "超",
    "刚",
    "建国",
    "志强",
    "国华",
    "永康",
    "子轩",
    "浩然",
    "宇航",
    "俊杰",
    "文博",
    "家豪",
    "一鸣",
    "泽宇",
    "思远",
    "天佑",
    "立群",
    "孔明",
    "德海",
    "守根",
    "卫东",
    "晓峰",
    "\u{20BB7}安",
];

/// Given names of women. The last carries a character outside the basic multilingual plane.
pub const GIVEN_FEMALE: &[&str] = &[
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "艳",
    "娟",
    "霞",
    "燕",
    "玲",
    "秀英",
    "桂兰",
    "雨桐",
    "梓涵",
    "欣怡",
    "诗涵",
    "梦瑶",
    "晓雯",
    "若兰",
    "语嫣",
    "佳琪",
    "婉清",
    "海燕",
    "月娥",
    "素珍",
    "慧君",
    "雪梅",
    "彩虹",
    "春花",
    "亚楠",
    "\u{20BB7}宁",
];

/// Given names that make names with the interpunct: `买买提·艾力`.
pub const UYGHUR_MALE: &[&str] = &["买买提", "艾力", "吐尔逊", "阿不都", "玉素甫", "艾尼瓦尔"];

/// The same for women.
pub const UYGHUR_FEMALE: &[&str] = &["古丽娜尔", "阿依古丽", "热依汗", "帕提古丽"];

/// Districts of Hangzhou: code (GB/T 2260), name, streets.
pub const DISTRICTS: &[District] = &[
    District { code: "330102", name: "上城区", streets: &["中山中路", "江城路", "庆春路"] },
    District { code: "330105", name: "拱墅区", streets: &["莫干山路", "湖墅南路", "上塘路"] },
    District { code: "330106", name: "西湖区", streets: &["文三路", "天目山路", "古墩路"] },
    District { code: "330108", name: "滨江区", streets: &["江南大道", "网商路", "长河路"] },
    District { code: "330109", name: "萧山区", streets: &["市心中路", "金城路", "通惠南路"] },
    District { code: "330110", name: "余杭区", streets: &["文一西路", "良睦路", "东西大道"] },
];

/// Regions where numbers were issued, with codes since abolished (330103 下城区, 330104 江干区): they stay valid.
pub const REGIONS_OF_ISSUE: &[&str] = &[
    "330102", "330103", "330104", "330105", "330106", "330108", "330109", "330110", "330182", "341004",
    "610102",
];

/// Trades: industry (GB/T 4754), word in an enterprise's name.
pub const TRADES: &[(&str, &str)] = &[
    ("I65 软件和信息技术服务业", "信息技术"),
    ("F52 零售业", "商贸"),
    ("C13 农副食品加工业", "食品"),
    ("L72 商务服务业", "企业管理"),
    ("E50 建筑装饰、装修和其他建筑业", "装饰工程"),
    ("M73 研究和试验发展", "生物科技"),
    ("G54 道路运输业", "物流"),
    ("R88 文化艺术业", "文化创意"),
];

/// Trades of sole traders.
pub const SHOPS: &[(&str, &str)] = &[
    ("H62 餐饮业", "小吃店"),
    ("F52 零售业", "便利店"),
    ("O80 居民服务业", "理发店"),
    ("O81 修理业", "修理铺"),
];

/// First and second characters of enterprise names.
pub const BRAND_FIRST: &[&str] = &["云", "海", "杭", "钱", "瑞", "恒", "星", "智", "和", "万"];
/// Second characters of enterprise names.
pub const BRAND_SECOND: &[&str] = &["杉", "舟", "塘", "启", "源", "泰", "辰", "联", "景", "达"];

/// Allergies as a record writes them.
pub const ALLERGIES: &[&str] = &["青霉素", "头孢类", "花生", "海鲜", "乳胶", "碘造影剂"];
/// Diagnoses as a record writes them.
pub const DIAGNOSES: &[&str] = &["高血压", "2型糖尿病", "慢性胃炎", "支气管哮喘", "腰椎间盘突出", "冠心病"];
/// Notifiable diseases (传染病防治法).
pub const INFECTIOUS: &[&str] = &["乙型病毒性肝炎", "肺结核", "流行性感冒"];
/// Hospitals; invented.
pub const HOSPITALS: &[&str] = &["演示市第一医院", "演示市中医院", "演示市急救中心"];

/// A district of the city.
#[derive(Clone, Copy, Debug)]
pub struct District {
    /// GB/T 2260.
    pub code: &'static str,
    pub name: &'static str,
    pub streets: &'static [&'static str],
}
